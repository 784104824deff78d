# Leads each order through its steps: the goods are reserved, paid for and shipped, by
# services that answer when they can. An order that is not paid is cancelled, and what was
# reserved for it is free again.
#
# Input:
#   {"order": 1, "event": "placed", "item": "tea", "total": 20}
#   {"order": 2, "event": "placed", "item": "rice", "total": 9000}
#
# Unordered output:
#   order 1 is shipped
#   rice is free again
#   order 2 is cancelled

adapter "stdio" "in" {}
queue "stock" {}
queue "payments" {}
queue "shipping" {}
queue "released" {}

flow "orders" {
  from = adapter.in

  process_manager "order" {
    key = "body.order"

    on "placed" {
      if  = "body.event == 'placed'"
      set = { item = "body.item", total = "body.total" }
      request "stock" {
        to   = queue.stock
        body = "{item: process.data.item}"
      }
      goto = "reserving"
    }

    state "reserving" {
      on_reply "stock" {
        request "payment" {
          to   = queue.payments
          body = "{order: process.key, amount: process.data.total}"
        }
        undo {
          send {
            to   = queue.released
            body = "process.data.item"
          }
        }
        goto = "paying"
      }
      after "1m" { goto = "cancelled" }
    }

    state "paying" {
      on_reply "payment" {
        if = "body.paid"
        request "shipping" {
          to   = queue.shipping
          body = "{order: process.key, item: process.data.item}"
        }
        goto = "shipping"
      }
      on_reply "payment" { undo_to = "cancelled" }
      on_error "payment" { undo_to = "cancelled" }
      on "cancel" {
        if      = "body.event == 'cancel'"
        undo_to = "cancelled"
      }
      after "10m" { undo_to = "cancelled" }
    }

    state "shipping" {
      on_reply "shipping" { goto = "shipped" }
      after "168h" { goto = "lost" }
    }

    final "shipped" {
      send {
        to   = adapter.in
        body = "'order ' + process.key + ' is shipped'"
      }
    }
    final "cancelled" {
      send {
        to   = adapter.in
        body = "'order ' + process.key + ' is cancelled'"
      }
    }
    final "lost" {
      send {
        to   = adapter.in
        body = "'order ' + process.key + ' is lost'"
      }
    }
  }
}

flow "released" {
  from = queue.released
  transform { body = "body + ' is free again'" }
  to = adapter.in
}

service "stock" { # stand for services that are elsewhere
  reply { body = "{reserved: body.item}" }
}

service "payments" {
  reply { body = "{paid: body.amount < 1000}" }
}

service "shipping" {
  reply { body = "{shipped: body.order}" }
}
