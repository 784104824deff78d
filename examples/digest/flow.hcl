# Makes one text of all notices to a person on a day, and at midnight (UTC) writes it to a
# file, as it would be mailed. It prints whom it has written to.
#
# Input:
#   {"to": "ada", "text": "Your parcel is on its way."}
#   {"to": "bob", "text": "Your invoice is due."}
#   {"to": "ada", "text": "Your parcel has arrived."}
#
# Output:
#   ada: 2 notices
#   bob: 1 notice

adapter "stdio" "in" {}

adapter "file" "digests" {
  path   = "'digests/' + message.id + '.txt'"
  format = "whole"
}

flow "digest" {
  from = adapter.in
  aggregator {
    key   = "body.to"
    every = "24h"
    body  = "'To: ' + group.key + '\\n\\n' + join(map(group.messages, '- ' + #.body.text), '\\n')"
  }
  send { to = adapter.digests }
  transform {
    body = "headers['eip-group'] + ': ' + string(headers['eip-group-count']) + (headers['eip-group-count'] == 1 ? ' notice' : ' notices')"
  }
  to = adapter.in
}
