test "differences" {
  send "queue.in" {
    body    = { cardNumber = "4111", name = "ada", list = [{ a = 1 }] }
    headers = { Authorization = "Bearer 4111" }
  }
  expect "queue.out" {
    message {
      body    = { cardNumber = "1", name = "bob", list = [{ a = 2 }] }
      has     = { cardNumber = "1" }
      text    = "x"
      if      = "body.cardNumber == '1'"
      matches = "x"
      headers = { Authorization = "y" }
      without = ["authorization", "Authorization"]
    }
  }
}

test "strict" {
  send "queue.in" { body = { cardNumber = "4111" } }
}
