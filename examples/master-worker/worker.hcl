# The same worker as a flow. Each process gets every job.
#
#   eipd run worker.hcl --broker stomp://foo:bar@mq1:61613 --var name=w2

variable "name" { type = string }

topic "work" { address = "myapp.work" }
queue "failed" { address = "myapp.failed" }

flow "worker" {
  from        = topic.work
  shared      = false
  dead_letter = queue.failed

  transform {
    body    = "'${var.name} did ' + string(body)"
    headers = { worker = "'${var.name}'" }
  }
  reply {}
}
