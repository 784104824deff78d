suite { flows = ["master.hcl"] }

test "what all workers did is one line" {
  variables = { workers = ["w1"] }
  service "topic.work" {
    body    = "'w1 did ' + body"
    headers = { worker = "'w1'", request_id = "headers.request_id" }
  }

  send "adapter.jobs" { body = "sweep" }

  expect "adapter.jobs" {
    message {
      body = { job = "sweep", results = [{ worker = "w1", result = "w1 did sweep" }], missing = [] }
    }
  }
}

test "a job does not wait for ever for who is away" {
  variables = { workers = ["w1", "w2"] }

  send "adapter.jobs" { body = "sweep" }

  expect "topic.work" { count = 1 }
  expect "adapter.jobs" {
    within = "6s"
    message {
      body = { job = "sweep", results = [], missing = ["w1", "w2"] }
    }
  }
}
