# Two flows of a Go program: lines of standard input that are urgent wait in a queue,
# and go to standard output one after the other.

adapter "stdio" "lines" {}

queue "urgent" {}

flow "pick" {
  from = adapter.lines
  filter { if = "body startsWith 'urgent'" }
  to = queue.urgent
}

flow "tell" {
  from = queue.urgent
  to   = adapter.lines
}
