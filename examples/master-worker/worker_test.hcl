suite {
  flows     = ["worker.hcl"]
  variables = { name = "w1" }
}

test "a worker says who has done the job" {
  call "flow.worker" {
    body = "sweep"
    reply {
      text    = "w1 did sweep"
      headers = { worker = "w1" }
    }
  }
}

test "a job that nobody asked for is invalid" {
  send "topic.work" { body = "sweep" }

  expect "invalid.worker" { count = 1 }
}
