test "queue: message, body, via, headers, unchanged" {
  send "queue.orders" {
    body           = { total = 5000, big = 9007199254740993, part = 1.0, list = [1, { a = "b" }] }
    headers        = { customer = "ada" }
    key            = "k"
    type           = "order"
    correlation_id = "c"
    id             = "m-1"
    expiration     = "1m"
  }
  expect "queue.audit" { count = 1 }
  expect "queue.paid" {
    message {
      body           = { big = 9007199254740993, list = [1.0, { a = "b" }], part = 1, total = 5000 }
      has            = { a = "b" }
      matches        = "\"total\":\\s*5000"
      if             = "body.total == sent.body.total && headers.customer == sent.headers.customer"
      headers        = { customer = "ada" }
      without        = ["eip-error"]
      id             = "m-1"
      key            = "k"
      type           = "order"
      content_type   = "application/json"
      correlation_id = "c"
      reply_to       = ""
      unchanged      = true
      via            = ["queue.orders", "orders", "orders.sort", "queue.paid"]
      not_via        = ["orders.check.filter"]
    }
  }
  expect "queue.orders" {
    passed = true
    count  = 1
  }
}

test "counts and branches" {
  send "queue.orders" { body = { total = 1 } }
  send "queue.orders" { body = { total = 0 } }
  send "queue.orders" { body = { total = 0 } }
  expect "queue.paid" { count = 1 }
  expect "flow.orders" {
    received = 3
    sent     = 1
    dropped  = 2
    retried  = 0
  }
  expect "stage.orders.sort" { branches = { paid = 1, free = 2 } }
  expect "source.queue.orders" {
    acked    = 3
    left     = 0
    returned = 0
  }
}

test "order" {
  send "queue.orders" {
    count   = 3
    body    = { total = index + 1, customer = index == 1 ? "b" : "a" }
    headers = { n = "no ${index}" }
  }
  expect "queue.paid" {
    count          = 3
    same_key_order = "body.customer"
    message { headers = { n = "no 0" } }
    message { headers = { n = "no 2" } }
  }
  expect "queue.paid" {
    message { headers = { n = "no 1" } }
  }
}

test "order any" {
  send "queue.orders" {
    count = 2
    body  = { total = index + 1 }
  }
  expect "queue.paid" {
    order = "any"
    message { body = { total = 2 } }
    message { body = { total = 1 } }
  }
}

test "at least, at most" {
  send "queue.orders" {
    count = 4
    body  = { total = 1 }
  }
  expect "queue.paid" {
    at_least = 2
    at_most  = 4
  }
}

test "dead letters" {
  fault "queue.paid" { error = "no room here" }
  send "queue.orders" { body = { total = 1 } }
  expect "dead_letters.orders" {
    count    = 1
    reason   = "failed"
    stage    = "queue.paid"
    error    = "no room"
    attempts = 3
  }
  expect "flow.orders" {
    dead_lettered = 1
    retried       = 2
  }
}

test "invalid" {
  send "queue.orders" { body = "no order" }
  expect "invalid.orders" {
    count  = 1
    reason = "invalid"
  }
  expect "flow.orders" { invalid = 1 }
}

test "adapters" {
  send "topic.news" { body = "something new" }
  expect "adapter.shop" {
    at = "https://shop.invalid/orders"
    message { text = "something new" }
  }
}

test "a program, and lines" {
  stub "run.tool" {
    body  = "'<' + body + '>'"
    delay = "3s"
  }
  send "adapter.lines" { body = "one\ntwo" }
  expect "adapter.out" {
    message { text = "<one>" }
    message { text = "<two>" }
  }
}

test "a stub answers in turn" {
  stub "charge.ask" {
    reply { body = "{ok: 1}" }
    reply {
      body    = "{ok: 2}"
      headers = { a = "'b'" }
    }
  }
  send "queue.prices" {
    count = 3
    body  = { n = index }
  }
  expect "queue.priced" {
    message { body = { ok = 1 } }
    message { body = { ok = 2 } }
    message { body = { ok = 2 } }
  }
}

test "a stub that is too slow" {
  stub "charge.ask" {
    body  = "{}"
    delay = "6s"
  }
  send "queue.prices" { body = {} }
  expect "dead_letters.charge" {
    error = "no reply within 5s"
    count = 1
  }
  expect "queue.gave_up" { count = 1 }
}

test "a service" {
  service "queue.small" { body = "{ok: body.n}" }
  send "queue.prices" { body = { n = 3 } }
  expect "queue.priced" {
    message { body = { ok = 3 } }
  }
}

test "calls" {
  call "adapter.gateway" {
    body = { n = 5 }
    reply { body = { got = 5 } }
  }
  call "queue.sum" {
    body = { a = 1, b = 2 }
    reply { body = { sum = 3 } }
  }
  call "flow.answer" {
    body = { n = 5 }
    reply { has = { got = 5 } }
  }
}

test "time" {
  send "queue.slow" { body = { total = 1 } }
  advance "23h59m" {}
  expect "queue.slow" { count = 0 }
  settle {}
  advance "1m" {}
  expect "source.queue.too_late" { acked = 1 }
  expect "queue.audit" {
    count  = 1
    within = "15m"
    for    = "24h"
  }
}

test "commands" {
  command "set" {
    target = "orders.check"
    args   = { enabled = true }
  }
  command "set" {
    target = "orders.nothing"
    fails  = "unknown_target"
  }
  send "queue.orders" { body = { total = 100000 } }
  expect "queue.rest" {
    message { via = ["orders.check.filter"] }
  }
  expect "queue.audit" { count = 1 }
}

test "faults: error and times" {
  fault "queue.paid" {
    error = "refused"
    times = 2
    after = 1
    if    = "body.total < 10"
  }
  send "queue.orders" {
    count = 2
    body  = { total = index + 1 }
  }
  expect "queue.paid" {
    order = "any"
    message { body = { total = 1 } }
    message { body = { total = 2 } }
  }
  expect "flow.orders" { retried = 2 }
}

test "faults: permanent" {
  fault "orders.sort" {
    error     = "never"
    permanent = true
  }
  send "queue.orders" { body = { total = 1 } }
  expect "dead_letters.orders" { attempts = 1 }
}

test "faults: invalid" {
  fault "orders.sort" {
    error   = "unreadable"
    invalid = true
  }
  send "queue.orders" { body = { total = 1 } }
  expect "invalid.orders" { stage = "orders.sort" }
}

test "faults: panic" {
  fault "orders.sort" {
    panic = true
    times = 1
  }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
  expect "flow.orders" { retried = 1 }
}

test "faults: delay" {
  fault "queue.paid" { delay = "10s" }
  send "queue.orders" { body = { total = 1 } }
  advance "9s" {}
  expect "queue.paid" {
    count  = 0
    within = "0s"
  }
  expect "queue.paid" {
    count  = 1
    within = "1s"
  }
}

test "faults: hang and heal" {
  fault "orders.sort" { hang = true }
  send "queue.orders" { body = { total = 1 } }
  advance "1h" {}
  expect "queue.paid" { count = 0 }
  heal "orders.sort" {}
  expect "queue.paid" { count = 1 }
}

test "faults: full" {
  fault "queue.paid" {
    full  = true
    times = 1
  }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
  expect "flow.orders" { retried = 1 }
}

test "faults: cut" {
  fault "orders.sort" { hang = true }
  send "queue.orders" { body = { total = 1 } }
  fault "broker.default" { cut = true }
  heal "broker.default" {}
  heal "orders.sort" {}
  expect "queue.paid" {
    at_least = 1
    message { if = "message.redelivered" }
  }
  expect "queue.paid" { at_most = 1 }
}

test "faults: confirm" {
  fault "queue.paid" {
    confirm = "lost"
    times   = 1
  }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 2 }
  expect "flow.orders" { retried = 1 }
}

test "faults: duplicate" {
  fault "queue.orders" { duplicate = true }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 2 }
}

test "faults: reorder" {
  fault "queue.orders" { reorder = true }
  send "queue.orders" {
    count = 2
    body  = { total = index + 1 }
  }
  expect "queue.paid" {
    message { body = { total = 2 } }
    message { body = { total = 1 } }
  }
}

test "golden" {
  send "queue.orders" { body = "{\"total\": 1}" }
  expect "queue.paid" {
    message { golden = "paid.json" }
  }
}

test "ignored" {
  ignore = ["queue.paid"]
  send "queue.orders" { body = { total = 1 } }
}

test "not strict" {
  strict = false
  send "queue.orders" { body = { total = 1 } }
}

test "each" {
  each = [{ total = 1, to = "queue.paid" }, { total = -1, to = "queue.rest" }]
  send "queue.orders" { body = { total = row.total } }
  expect "queue.paid" { count = row.to == "queue.paid" ? 1 : 0 }
  expect "queue.rest" { count = row.to == "queue.rest" ? 1 : 0 }
}

test "skipped" {
  skip = "it is not ready"
  expect "queue.paid" { count = 1 }
}

test "a restart" {
  broker = "embedded"
  fault "orders.sort" { hang = true }
  send "queue.orders" { body = { total = 1 } }
  restart {}
  heal "orders.sort" {}
  expect "queue.paid" {
    count = 1
  }
}

test "what was tapped and what had died" {
  send "queue.orders" { from_tap = "tap.json" }
  send "queue.orders" { from_dead_letter = "letter.json" }
  expect "queue.paid" {
    message {
      id      = "t1"
      body    = { total = 7 }
      headers = { a = "b" }
    }
    message {
      body    = { total = 8 }
      without = ["eip-reason"]
    }
  }
}
