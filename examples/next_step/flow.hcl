# Each trip says what it needs, and is booked step by step. Where a step fails, what was
# booked before is cancelled.
#
# Input:
#   {"trip": 1, "needs": ["flight", "hotel"], "nights": 3}
#   {"trip": 2, "needs": ["hotel"], "nights": 1}
#   {"trip": 3, "needs": ["flight", "hotel"], "nights": 99}
#
# Unordered output:
#   trip 1 is booked
#   trip 2 is booked
#   trip 3 failed
#   flight F3 is cancelled

adapter "stdio" "in" {}
queue "flight" {}
queue "cancel_flight" {}
queue "hotel" {}
queue "failed" {}

variable "slip_secret" {
  type      = string
  sensitive = true
  default   = "for the example only"
}

locals { steps = [queue.flight, queue.hotel, queue.cancel_flight] }

flow "trips" {
  from = adapter.in
  routing_slip {
    route  = "map(body.needs, 'queue.' + #)"
    allow  = local.steps
    undo   = { "queue.flight" = "queue.cancel_flight" }
    secret = var.slip_secret
  }
}

flow "flight" {
  from = queue.flight
  next_step {
    result = "{flight: 'F' + string(body.trip)}"
    allow  = local.steps
    secret = var.slip_secret
  }
}

flow "hotel" {
  from            = queue.hotel
  invalid_message = queue.failed
  content_router {
    when "free" {
      if = "body.nights < 30"
      next_step {
        allow  = local.steps
        secret = var.slip_secret
        otherwise {
          transform { body = "'trip ' + string(body.trip) + ' is booked'" }
          to = adapter.in
        }
      }
    }
  }
}

flow "cancel_flight" {
  from = queue.cancel_flight
  transform { body = "'flight ' + body.flight + ' is cancelled'" }
  send { to = adapter.in }
  next_step {
    allow  = local.steps
    secret = var.slip_secret
  }
}

flow "failed" {
  from = queue.failed
  transform { body = "'trip ' + string(body.trip) + ' failed'" }
  to = adapter.in
}
