# From one queue to another.
queue "in" {}
queue "out" {}

flow "bridge" {
  from = queue.in
  to   = queue.out
}
