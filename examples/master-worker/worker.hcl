# The same worker as a flow. Each process gets every job.
#
#   eipd run worker.hcl --broker stomp://foo:bar@mq1:61613 --var name=w2

variable "name" { type = string }

topic "work" { address = "myapp.work" }
queue "failed" { address = "myapp.failed" }

# Commands reach all processes by a topic that this user may use.
topic "control" { address = "myapp.control" }
control_bus { topic = topic.control }

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
