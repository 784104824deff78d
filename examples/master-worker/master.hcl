# A master gives each job to all workers, and waits for what they report. Jobs are lines
# of standard input; what comes of one is a line of standard output.
#
#   eipd run master.hcl --broker stomp://foo:bar@mq1:61613

variable "workers" {
  description = "who must report"
  type        = list(string)
  default     = ["w1", "w2"]
}

topic "work" { address = "myapp.work" }
queue "reply" { address = "myapp.reply" }
queue "failed" { address = "myapp.failed" }

adapter "stdio" "jobs" {}

# Commands reach all processes by a topic that this user may use.
topic "control" { address = "myapp.control" }
control_bus { topic = topic.control }

flow "master" {
  from        = adapter.jobs
  dead_letter = queue.failed

  scatter_gather {
    to        = topic.work
    reply_to  = queue.reply
    correlate = "headers.request_id"
    who       = "headers.worker"
    expect    = var.workers
    timeout   = "5s"
    body      = "{job: body, results: map(replies, {{worker: #.from, result: #.body}}), missing: missing}"
  }
  to = adapter.jobs
}
