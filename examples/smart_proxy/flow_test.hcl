test "a reply comes back to who asked, with a stamp" {
  call "queue.points" {
    body = "grace"
    reply { text = "grace has 7 points (by points.smart_proxy)" }
  }
}

test "who asks need not know of it" {
  send "adapter.in" { body = "ada" }

  expect "adapter.in" {
    message {
      text = "ada has 12 points (by points.smart_proxy)"
      via  = ["ask.request"]
    }
  }
}

test "any service will do" {
  flows = ["points"]
  service "queue.points_service" { body = "'no points for ' + body" }

  call "queue.points" {
    body = "linus"
    reply { text = "no points for linus (by points.smart_proxy)" }
  }
}

test "who waits in vain gives up" {
  flows = ["ask", "points"]
  service "queue.points_service" {
    body  = "''"
    delay = "1m"
  }

  send "adapter.in" { body = "ada" }

  expect "dead_letters.ask" {
    stage = "ask.request"
    message { unchanged = true }
  }
}
