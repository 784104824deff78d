broker "rabbit" {
  url        = "amqp://guest:guest@nowhere.invalid/"
  queue_type = "quorum"
  default    = true
}
queue "a" {}
queue "b" {
  dead_letter = queue.c
  ttl         = "1h"
}
queue "c" {}
topic "t" { type = "fanout" }
topic "d" { type = "direct" }
flow "x" {
  from   = queue.a
  single = true
  to     = [queue.b, topic.t, topic.d]
}
flow "y" {
  from        = topic.d
  binding_key = "k"
  to          = queue.c
}
