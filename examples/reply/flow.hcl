# A service that answers whoever asks, and then keeps a record of what was asked.
#
# Input:
#   Ada
#   Grace
#
# Unordered output:
#   asked: Ada
#   asked: Grace
#   Hello, Ada!
#   Hello, Grace!

adapter "stdio" "in" {}
queue "greetings" {}

flow "ask" {
  from = adapter.in
  request { to = queue.greetings }
  to = adapter.in
}

flow "greet" {
  from = queue.greetings
  reply { body = "'Hello, ' + body + '!'" }
  transform { body = "'asked: ' + body" }
  to = adapter.in
}
