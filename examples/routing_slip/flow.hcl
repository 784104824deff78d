# Each order says which steps it needs, and passes those in their order.
#
# Input:
#   {"id": 1, "steps": ["check", "wrap"]}
#   {"id": 2, "steps": ["wrap"]}
#   {"id": 3, "steps": ["check", "steal"]}
#
# Unordered output:
#   {"done":"checked, wrapped","id":1}
#   {"done":"wrapped","id":2}
#   refused 3

adapter "stdio" "in" {}
queue "check" {}
queue "wrap" {}
queue "refused" {}

variable "slip_secret" {
  type      = string
  sensitive = true
  default   = "for the example only"
}

locals { steps = [queue.check, queue.wrap] }

flow "orders" {
  from            = adapter.in
  invalid_message = queue.refused
  routing_slip {
    route  = "map(body.steps, 'queue.' + #)"
    allow  = local.steps
    secret = var.slip_secret
  }
}

flow "check" {
  from = queue.check
  transform { body = "{id: body.id, done: 'checked'}" }
  next_step {
    allow  = local.steps
    secret = var.slip_secret
    otherwise { to = adapter.in }
  }
}

flow "wrap" {
  from = queue.wrap
  transform { body = "{id: body.id, done: 'done' in body ? body.done + ', wrapped' : 'wrapped'}" }
  next_step {
    allow  = local.steps
    secret = var.slip_secret
    otherwise { to = adapter.in }
  }
}

flow "refused" {
  from = queue.refused
  transform { body = "'refused ' + string(body.id)" }
  to = adapter.in
}
