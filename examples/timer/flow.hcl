# Sends three messages, a moment apart. Each knows which tick it is of.
#
# Output:
#   tick 1 of 3
#   tick 2 of 3
#   tick 3 of 3

adapter "timer" "clock" {
  every = "10ms"
  count = 3
  body  = { word = "tick" }
}

adapter "stdio" "out" {}

flow "ticks" {
  from = adapter.clock
  transform {
    body = "body.word + ' ' + string(message.sequence.number) + ' of ' + string(message.sequence.size)"
  }
  to = adapter.out
}
