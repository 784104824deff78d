# Lets two requests pass at once, and after that one in a minute. What is too many
# goes elsewhere here; without excess_to it would wait.
#
# Input:
#   first
#   second
#   third
#   fourth
#
# Unordered output:
#   first
#   second
#   too many: third
#   too many: fourth

queue "late" {}
adapter "stdio" "in" {}

flow "requests" {
  from = adapter.in
  throttle {
    rate      = 1
    per       = "1m"
    burst     = 2
    excess_to = queue.late
  }
  to = adapter.in
}

flow "refused" {
  from = queue.late
  transform { body = "'too many: ' + body" }
  to = adapter.in
}
