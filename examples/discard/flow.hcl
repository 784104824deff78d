# Takes the alarms out of a stream of readings. All else ends on purpose: without
# discard, an otherwise that leads nowhere would be refused.
#
# Input:
#   {"sensor": "a", "value": 20}
#   {"sensor": "b", "value": 95}
#   {"sensor": "a", "value": 21}
#
# Output:
#   {"sensor": "b", "value": 95}

adapter "stdio" "in" {}

flow "alarms" {
  from = adapter.in
  content_router {
    when "alarm" {
      if = "body.value > 90"
      to = adapter.in
    }
    otherwise {
      discard {}
    }
  }
}
