loose = 1

tset "x" {}

test "a" {
  tag   = []
  flows = ["order"]
}
test "a" {}
test {}
test "b" "c" {}

test "steps" {
  sned "queue.orders" {}
  send "queue.order" {}
  send "queue" {}
  send "adapter.shop" {}
  send "queue.orders" {
    bdy   = 1
    count = 0
  }
  send "queue.orders" {
    body      = 1
    body_json = "{"
  }
  send "queue.orders" { body_json = "{" }
  send "queue.orders" { body_base64 = "?" }
  send "queue.orders" { body_file = "nowhere.json" }
  send "queue.orders" { body = rwo.x }
  advance "soon" {}
  settle "now" {}
  restart {}
  command "sett" {}
  call "queue.orders" {
    reply { matches = "(" }
  }
}
test "expects" {
  expect "queue.paidd" {}
  expect "queue.orders" { count = 1 }
  expect "queue.paid" { retried = 1 }
  expect "queue.paid" { at = "x" }
  expect "queue.paid" { reason = "failed" }
  expect "queue.paid" { order = "all" }
  expect "queue.paid" { error = "(" }
  expect "flow.orders" { count = 1 }
  expect "flow.orders" { left = 1 }
  expect "flow.order" { sent = 1 }
  expect "stage.orders.srt" {}
  expect "adapter.shop" { passed = true }
  expect "queue.paid" {
    message { if = "body.total >" }
  }
  expect "queue.paid" {
    message { iff = "true" }
  }
}
test "stand-ins" {
  stub "orders.sort" { body = "1" }
  stub "run.tol" { body = "1" }
  stub "run.tool" {}
  service "queue.orders" { body = "1" }
  fault "queue.paid" {}
  fault "queue.paid" { panic = true }
  fault "broker.far" { error = "x" }
  fault "orders.sort" { full = true }
  fault "queue.paid" { duplicate = true }
  fault "queue.paid" {
    error = "x"
    delay = "1s"
  }
  fault "queue.paid" { confirm = "found" }
  heal "queue.pad" {}
}
test "ignores" {
  ignore = ["queue.audi"]
}
test "rows" {
  each = []
}
test "no message can be so" {
  expect "queue.paid" { count = -1 }
  expect "queue.paid" { at_least = -2 }
  expect "flow.orders" { dropped = -1 }
  expect "queue.paid" {
    count    = 1
    at_least = 2
  }
  expect "queue.paid" {
    at_least = 2
    at_most  = 1
  }
  expect "flow.orders" {}
  expect "dead_letters.orders" {
    count  = 0
    reason = "faild"
  }
  expect "dead_letters.orders" {
    count = 0
    stage = "orders.srt"
  }
  expect "queue.paid" {
    message { via = ["orders.srt"] }
  }
  expect "queue.paid" {
    message { not_via = ["queue.res"] }
  }
  expect "stage.orders.sort" { branches = { fre = 0 } }
  expect "stage.orders.check" { branches = { on = 0 } }
  command "set" { fails = "not_allowd" }
  end "adapter.shop" {}
  end "queue.orders" {}
}

suite {
  flows = ["../all/flows.hcl"]
}
