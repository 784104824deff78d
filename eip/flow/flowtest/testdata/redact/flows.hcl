control_bus { redact = ["body.card_number", "headers.authorization"] }

queue "in" {}
queue "out" {}

flow "f" {
  from = queue.in
  to   = queue.out
}
