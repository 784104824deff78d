suite {
  flows     = ["master.hcl"]
  variables = { workers = ["w1", "w2"] }
}

test "what all workers did is one line" {
  send "adapter.jobs" { body = "sweep" }
  settle {}

  expect "topic.work" { count = 1 }
}
