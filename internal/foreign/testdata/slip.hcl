queue "orders" {}
queue "stamp" {} # of another maker's step
queue "stamped" {}
queue "unstamp" {}
queue "check" {}
queue "done" {}
queue "failed" {}

locals { steps = [queue.stamp, queue.unstamp, queue.check] }

flow "orders" {
  from = queue.orders
  routing_slip {
    route  = "['queue.stamp', 'queue.check']"
    allow  = local.steps
    undo   = { "queue.stamp" = "queue.unstamp" }
    secret = "shared by all of them"
  }
}

flow "stamped" {
  from = queue.stamped
  next_step {
    result = "headers.stamp"
    allow  = local.steps
    secret = "shared by all of them"
  }
}

flow "check" {
  from            = queue.check
  invalid_message = queue.failed
  content_router {
    when "good" {
      if = "body.total < 100"
      next_step {
        allow  = local.steps
        secret = "shared by all of them"
        otherwise { to = queue.done }
      }
    }
  }
}
