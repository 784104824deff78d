queue "round" {}

flow "round" {
  from = queue.round
  to   = queue.round
}
