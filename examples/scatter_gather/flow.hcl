# Asks two banks for their rate at once, and takes the better offer.
#
# Input:
#   {"amount": 1000}
#   {"amount": 90000}
#
# Output:
#   {"amount":1000,"bank":"queue.north","rate":3.5}
#   {"amount":90000,"bank":"queue.south","rate":2.9}

adapter "stdio" "in" {}
queue "north" {}
queue "south" {}

flow "loans" {
  from = adapter.in
  scatter_gather {
    to      = [queue.north, queue.south]
    timeout = "10s"
    body    = "let best = sortBy(replies, #.body)[0]; {amount: body.amount, bank: best.from, rate: best.body}"
  }
  to = adapter.in
}

flow "north" {
  from = queue.north
  reply { body = "3.5" }
}

flow "south" {
  from = queue.south
  reply { body = "body.amount > 50000 ? 2.9 : 4.1" }
}
