# Streams of clicks from many web servers, for analytics and for alerts. See README.md.

variable "amq" {
  description = "the broker"
  type        = string
}

environment "development" { amq = "embedded:" }
environment "production" { amq = env("AMQ_URL") }

broker "main" {
  url     = var.amq
  default = true
}

# On ActiveMQ each flow that reads it has a queue, which its processes share.
topic "clicks" {
  address = "myapp.clicks"
  virtual = true
}

# One session's clicks go to one process at a time, in order.
queue "sessions" {
  address  = "myapp.sessions"
  group_by = "body.session"
}

queue "rejected" { address = "myapp.rejected" }

adapter "file" "records" { path = "records.jsonl" }
adapter "file" "alerts" { path = "alerts.jsonl" }

# Commands reach all processes by a topic that this user may use.
topic "control" { address = "myapp.control" }
control_bus { topic = topic.control }

flow "clicks" {
  from            = topic.clicks
  to              = queue.sessions
  invalid_message = queue.rejected
  dead_letter     = queue.rejected
}

flow "sessions" {
  from        = queue.sessions
  concurrency = 4
  dead_letter = queue.rejected
  transform { body = "{session: body.session, page: body.page, ms: body.latency}" }
  to = adapter.records
}

flow "alerts" {
  from        = topic.clicks
  dead_letter = queue.rejected
  filter { if = "body.status >= 500" }
  to = adapter.alerts
}

group "clickstream" { flows = [flow.clicks, flow.sessions] }
group "alerts" { flows = [flow.alerts] }
