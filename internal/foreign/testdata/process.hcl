# Orders as process.py knows them, too: what an order does, it tells the queue out, with the
# message that made it do so.
queue "events" {}
queue "stock" {}
queue "payments" {}
queue "refunds" {}
queue "out" {}
queue "dead" {}

flow "orders" {
  from        = queue.events
  concurrency = 4
  dead_letter = queue.dead

  process_manager "order" {
    key      = "body.order"
    remember = "1h"

    on "placed" {
      if  = "body.event == 'placed'"
      set = { n = "1", by = "message.id", total = "body.total" }
      send {
        to   = queue.out
        body = "{order: process.key, did: 'began', by: message.id, n: process.data.n, total: process.data.total}"
      }
      request "stock" {
        to      = queue.stock
        body    = "{order: process.key, n: process.data.n}"
        timeout = "2s"
      }
      goto = "reserving"
    }

    state "reserving" {
      on "again" {
        if  = "body.event == 'again'"
        set = { n = "process.data.n + 1", by = "message.id" }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'again', by: message.id, n: process.data.n}"
        }
        request "stock" {
          to      = queue.stock
          body    = "{order: process.key, n: process.data.n}"
          timeout = "2s"
        }
        goto = "reserving"
      }
      on "cancel" {
        if      = "body.event == 'cancel'"
        set     = { n = "process.data.n + 1", by = "message.id" }
        undo_to = "cancelled"
      }
      on_reply "stock" {
        if  = "body.ok"
        set = { n = "process.data.n + 1", by = "message.id" }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'reserved', by: message.id, n: process.data.n}"
        }
        request "payment" {
          to      = queue.payments
          body    = "{order: process.key, n: process.data.n}"
          timeout = "2s"
        }
        undo {
          send {
            to   = queue.out
            body = "{order: process.key, did: 'released', by: message.id, n: process.data.n}"
          }
        }
        goto = "paying"
      }
      on_reply "stock" {
        set  = { n = "process.data.n + 1", by = "message.id" }
        goto = "refused"
      }
      on_timeout "stock" {
        set  = { n = "process.data.n + 1", by = "nil" }
        goto = "lost"
      }
    }

    state "paying" {
      on "cancel" {
        if      = "body.event == 'cancel'"
        set     = { n = "process.data.n + 1", by = "message.id" }
        undo_to = "cancelled"
      }
      on_reply "payment" {
        if  = "body.ok"
        set = { n = "process.data.n + 1", by = "message.id" }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'paid', by: message.id, n: process.data.n}"
        }
        undo {
          request "refund" {
            to      = queue.refunds
            body    = "{order: process.key, n: process.data.n}"
            timeout = "5s"
          }
        }
        goto = "shipping"
      }
      on_reply "payment" {
        set     = { n = "process.data.n + 1", by = "message.id" }
        undo_to = "refused"
      }
      on_timeout "payment" {
        set     = { n = "process.data.n + 1", by = "nil" }
        undo_to = "lost"
      }
    }

    state "shipping" {
      on "note" {
        if  = "body.event == 'note'"
        set = { n = "process.data.n + 1" }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'noted 1', by: message.id, n: process.data.n}"
        }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'noted 2', by: message.id, n: process.data.n}"
        }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'noted 3', by: message.id, n: process.data.n}"
        }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'noted 4', by: message.id, n: process.data.n}"
        }
        send {
          to   = queue.out
          body = "{order: process.key, did: 'noted 5', by: message.id, n: process.data.n}"
        }
      }
      on "shipped" {
        if   = "body.event == 'shipped'"
        set  = { n = "process.data.n + 1", by = "message.id" }
        goto = "done"
      }
      on "cancel" {
        if      = "body.event == 'cancel'"
        set     = { n = "process.data.n + 1", by = "message.id" }
        undo_to = "cancelled"
      }
      after "2s" {
        set     = { n = "process.data.n + 1", by = "nil" }
        undo_to = "lost"
      }
    }

    final "done" {
      send {
        to   = queue.out
        body = "{order: process.key, did: 'done', by: process.data.by, n: process.data.n}"
      }
    }
    final "refused" {
      send {
        to   = queue.out
        body = "{order: process.key, did: 'refused', by: process.data.by, n: process.data.n}"
      }
    }
    final "cancelled" {
      send {
        to   = queue.out
        body = "{order: process.key, did: 'cancelled', by: process.data.by, n: process.data.n}"
      }
    }
    final "lost" {
      send {
        to   = queue.out
        body = "{order: process.key, did: 'lost', by: process.data.by, n: process.data.n}"
      }
    }
  }
}
