test "count" {
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 2 }
}
test "count of none" {
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 0 }
}
test "at least" {
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { at_least = 2 }
}
test "at most" {
  send "queue.orders" {
    count = 3
    body  = { total = 1 }
  }
  expect "queue.paid" { at_most = 2 }
}
test "body" {
  send "queue.orders" { body = { total = 1, items = [{ sku = "b" }], more = 1 } }
  expect "queue.paid" {
    message {
      body = { total = 1.5, items = [{ sku = "a" }, { sku = "c" }], less = true }
    }
  }
}
test "big numbers are exact" {
  send "queue.orders" { body = { total = 9007199254740993 } }
  expect "queue.paid" {
    message { body = { total = 9007199254740992 } }
  }
  expect "queue.audit" { count = 1 }
}
test "body that is no JSON" {
  send "topic.news" { body = "no JSON" }
  expect "adapter.shop" {
    message { body = { a = 1 } }
  }
}
test "text body" {
  send "topic.news" { body = "a\nb\nc" }
  expect "adapter.shop" {
    message { body = "a\nx\nc\nd" }
  }
}
test "has" {
  send "queue.orders" { body = { total = 1, customer = { name = "ada" } } }
  expect "queue.paid" {
    message { has = { customer = { name = "bob" } } }
  }
}
test "text" {
  send "topic.news" { body = "a" }
  expect "adapter.shop" {
    message { text = "b" }
  }
}
test "matches" {
  send "topic.news" { body = "a" }
  expect "adapter.shop" {
    message { matches = "^b+$" }
  }
}
test "golden" {
  send "topic.news" { body = "a" }
  expect "adapter.shop" {
    message { golden = "golden.txt" }
  }
}
test "golden that is not there" {
  send "topic.news" { body = "a" }
  expect "adapter.shop" {
    message { golden = "nowhere.txt" }
  }
}
test "if" {
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" {
    message { if = "body.total > sent.body.total" }
  }
}
test "headers, without and properties" {
  send "queue.orders" {
    body    = { total = 1 }
    headers = { a = "1", b = "2" }
    id      = "m"
    key     = "k"
    type    = "t"
  }
  expect "queue.paid" {
    message {
      headers        = { a = "2", c = "3" }
      without        = ["b"]
      id             = "n"
      key            = ""
      type           = "u"
      content_type   = "text/plain"
      correlation_id = "c"
      reply_to       = "r"
      expiration     = "1s"
    }
  }
}
test "unchanged" {
  stub "run.tool" { body = "body + '!'" }
  send "adapter.lines" { body = "one" }
  expect "adapter.out" {
    message { unchanged = true }
  }
}
test "via and not_via" {
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" {
    message {
      via     = ["orders.sort", "orders.audit"]
      not_via = ["orders.sort"]
    }
  }
}
test "order" {
  send "queue.orders" {
    count = 2
    body  = { total = index + 1 }
  }
  expect "queue.paid" {
    message { body = { total = 2 } }
    message { body = { total = 1 } }
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
    message { body = { total = 3 } }
  }
}
test "same_key_order" {
  fault "queue.orders" { reorder = true }
  send "queue.orders" {
    count = 2
    body  = { total = index + 1 }
  }
  expect "queue.paid" { same_key_order = "1" }
}
test "adapter at" {
  send "topic.news" { body = "a" }
  expect "adapter.shop" { at = "https://elsewhere.invalid/" }
}
test "dead letters" {
  fault "queue.paid" { error = "no room here" }
  send "queue.orders" { body = { total = 1 } }
  expect "dead_letters.orders" { error = "another" }
  expect "dead_letters.orders" { attempts = 2 }
  expect "dead_letters.orders" { stage = "orders.audit" }
  expect "dead_letters.orders" { reason = "invalid" }
  expect "invalid.orders" { count = 1 }
}
test "counts" {
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
  expect "flow.orders" {
    received      = 2
    sent          = 2
    dropped       = 1
    copies        = 0
    retried       = 1
    dead_lettered = 1
    invalid       = 1
    returned      = 1
  }
  expect "stage.orders.sort" { branches = { free = 1 } }
  expect "source.queue.orders" {
    acked = 0
    left  = 1
  }
}
test "within" {
  fault "queue.paid" { delay = "2h" }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
}
test "for" {
  fault "queue.paid" {
    delay = "2h"
    if    = "body.total == 2"
  }
  send "queue.orders" {
    count = 2
    body  = { total = index + 1 }
  }
  expect "queue.paid" {
    count = 1
    for   = "3h"
  }
}
test "strict: a place" {
  send "queue.orders" { body = { total = -1 } }
}
test "strict: a dead letter" {
  send "queue.orders" { body = "no order" }
}
test "strict: in flight" {
  fault "orders.sort" { hang = true }
  send "queue.orders" { body = { total = 1 } }
}
test "strict: waiting" {
  command "stop" { target = "orders" }
  send "queue.orders" { body = { total = 1 } }
}
test "no stub of a program" {
  send "adapter.lines" { body = "one" }
  expect "adapter.out" { count = 1 }
}
test "no stub of a request" {
  send "queue.prices" { body = {} }
  expect "queue.priced" { count = 1 }
}
test "no reply" {
  call "queue.sum" {
    body = "nothing to add"
    reply { has = { sum = 1 } }
  }
}
test "call, not as expected" {
  call "queue.sum" {
    body = { a = 1, b = 1 }
    reply { body = { sum = 3 } }
  }
}
test "no call is answered" {
  call "queue.orders" { body = { total = 0 } }
}
test "a command that fails" {
  command "set" {
    target = "orders.nothing"
    args   = { enabled = true }
  }
}
test "a command that was to fail" {
  command "status" { fails = "not_allowed" }
}
test "a command that fails in another way" {
  command "set" {
    target = "orders.nothing"
    fails  = "not_allowed"
  }
}
test "faults: error" {
  fault "queue.paid" { error = "refused" }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
}
test "faults: permanent" {
  fault "orders.sort" {
    error     = "never"
    permanent = true
  }
  send "queue.orders" { body = { total = 1 } }
  expect "flow.orders" { retried = 1 }
}
test "faults: invalid" {
  fault "orders.sort" {
    error   = "unreadable"
    invalid = true
  }
  send "queue.orders" { body = { total = 1 } }
  expect "dead_letters.orders" { count = 1 }
}
test "faults: panic" {
  fault "orders.sort" { panic = true }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
}
test "faults: hang" {
  fault "orders.sort" { hang = true }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
}
test "faults: full" {
  fault "queue.paid" { full = true }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
}
test "faults: cut" {
  fault "broker.default" { cut = true }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
}
test "faults: confirm" {
  fault "queue.paid" {
    confirm = "lost"
    times   = 1
  }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
  expect "flow.orders" { retried = 0 }
}
test "faults: duplicate" {
  fault "queue.orders" { duplicate = true }
  send "queue.orders" { body = { total = 1 } }
  expect "queue.paid" { count = 1 }
}
test "sent after the end" {
  end "adapter.lines" {}
  end "adapter.lines" {}
  send "adapter.lines" { body = "late" }
}

test "a secret is hidden" {
  variables = { password = "swordfish" }
  send "topic.news" { body = "the word is swordfish" }
  expect "adapter.shop" { count = 0 }
}
test "many differences" {
  send "topic.news" { body = join("\n", range(100)) }
  expect "adapter.shop" {
    message { text = join("\n", range(1, 101)) }
  }
}

suite {
  flows = ["../all/flows.hcl"]
}
