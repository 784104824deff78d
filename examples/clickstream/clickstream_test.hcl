suite { variables = { amq = "embedded:" } }

test "a click is recorded, without what nobody asked for" {
  flows = ["clicks", "sessions"]

  send "topic.clicks" {
    body = { session = "s1", page = "/", latency = 12, status = 200, agent = "curl" }
  }

  expect "adapter.records" {
    at = "records.jsonl"
    message { body = { session = "s1", page = "/", ms = 12 } }
  }
}

test "a session's clicks stay in order" {
  flows = ["sessions"]

  send "queue.sessions" {
    body  = { session = "s${index % 3}", page = "/${index}", latency = 1 }
    count = 12
  }

  expect "adapter.records" {
    count          = 12
    same_key_order = "body.session"
  }
}

test "an alert is of a server's fault, and of nobody else's" {
  flows = ["alerts"]
  each = {
    fault = { status = 500, alerts = 1 }
    fine  = { status = 499, alerts = 0 }
  }

  send "topic.clicks" {
    body = { session = "s1", page = "/", latency = 12, status = row.status }
  }

  expect "adapter.alerts" { count = row.alerts }
}

test "a click that cannot be read is rejected, and holds up nothing" {
  flows = ["clicks", "sessions"]

  send "topic.clicks" { body = "GET /" }
  send "topic.clicks" { body = { session = "s1", page = "/", latency = 12 } }

  expect "invalid.sessions" { count = 1 }
  expect "adapter.records" {
    message { body = { session = "s1", page = "/", ms = 12 } }
  }
}
