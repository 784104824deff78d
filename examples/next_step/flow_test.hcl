test "a trip is booked in the order of its needs" {
  send "adapter.in" { body = { trip = 1, needs = ["flight", "hotel"], nights = 3 } }

  expect "adapter.in" {
    message {
      text = "trip 1 is booked"
      via  = ["trips", "flight", "hotel"]
    }
  }
}

test "where the hotel is full, the flight is cancelled by what its booking gave" {
  flows = ["trips", "flight", "hotel"]

  send "adapter.in" { body = { trip = 3, needs = ["flight", "hotel"], nights = 99 } }

  expect "invalid.hotel" {
    message {
      body    = { trip = 3, needs = ["flight", "hotel"], nights = 99 }
      headers = { "eip-undo" = "queue.cancel_flight" }
      without = ["eip-slip"]
    }
  }
  expect "queue.cancel_flight" {
    message { body = { flight = "F3" } }
  }
}

test "the trip fails, and its flight is cancelled" {
  send "adapter.in" { body = { trip = 3, needs = ["flight", "hotel"], nights = 99 } }

  expect "invalid.hotel" { count = 1 }
  expect "adapter.in" {
    order = "any"
    message { text = "trip 3 failed" }
    message { text = "flight F3 is cancelled" }
  }
}

test "a flight that cannot be cancelled is a dead letter" {
  fault "cancel_flight.transform" { error = "no line" }

  send "adapter.in" { body = { trip = 3, needs = ["flight", "hotel"], nights = 99 } }

  expect "invalid.hotel" { count = 1 }
  expect "adapter.in" {
    message { text = "trip 3 failed" }
  }
  expect "dead_letters.cancel_flight" {
    attempts = 3
    message { body = { flight = "F3" } }
  }
}

test "a step that is not allowed is refused before the first" {
  send "adapter.in" { body = { trip = 4, needs = ["flight", "yacht"] } }

  expect "invalid.trips" {
    error = "queue.yacht. is not allowed"
    message { unchanged = true }
  }
}
