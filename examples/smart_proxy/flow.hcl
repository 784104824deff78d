# The points service answers on its queue. A smart proxy stands before it: it
# follows each request, and stamps the replies on their way back. Neither the
# service nor who asks it knows.
#
# Input:
#   ada
#   grace
#
# Output:
#   ada has 12 points (by points.smart_proxy)
#   grace has 7 points (by points.smart_proxy)

adapter "stdio" "in" {}
queue "points" {}         # where everyone asks
queue "points_service" {} # where the service listens

flow "points" {
  from = queue.points
  smart_proxy {
    service = queue.points_service
    timeout = "5s"
    reply_body {
      transform { body = "body + ' (by points.smart_proxy)'" }
    }
  }
}

flow "service" {
  from = queue.points_service
  reply { body = "body + ' has ' + (body == 'ada' ? '12' : '7') + ' points'" }
}

flow "ask" {
  from = adapter.in
  request { to = queue.points }
  to = adapter.in
}
