test "an offer says how long it is good for" {
  send "queue.drafts" { body = { item = "tea", good_for = "1s" } }

  expect "queue.offers" {
    message {
      body       = { item = "tea", good_for = "1s" }
      expiration = "1s"
    }
  }
}
