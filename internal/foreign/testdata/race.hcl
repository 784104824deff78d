# Orders that are paid and cancelled at the same moment. Each comes to one end.
queue "events" {}
queue "payments" {}
queue "ends" {}
queue "dead" {}

flow "orders" {
  from        = queue.events
  concurrency = 8
  dead_letter = queue.dead

  process_manager "order" {
    key = "body.order"

    on "placed" {
      if = "body.event == 'placed'"
      request "payment" {
        to   = queue.payments
        body = "{order: process.key}"
      }
      goto = "paying"
    }
    state "paying" {
      on_reply "payment" { goto = "paid" }
      on "cancel" {
        if   = "body.event == 'cancel'"
        goto = "cancelled"
      }
      after "1h" { goto = "cancelled" }
    }
    final "paid" {
      send {
        to   = queue.ends
        body = "{order: process.key, end: 'paid'}"
      }
    }
    final "cancelled" {
      send {
        to   = queue.ends
        body = "{order: process.key, end: 'cancelled'}"
      }
    }
  }
}
