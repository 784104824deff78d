test "an offer is news once" {
  send "adapter.offers" { body = [{ id = 1, what = "tea" }, { id = 2, what = "salt" }] }
  send "adapter.offers" { body = [{ id = 2, what = "salt" }, { id = 3, what = "rice" }] }

  expect "adapter.out" {
    message { body = { id = 1, what = "tea" } }
    message { body = { id = 2, what = "salt" } }
    message { body = { id = 3, what = "rice" } }
  }
}

test "a list of nothing is no news" {
  send "adapter.offers" { body = [] }

  expect "adapter.out" { count = 0 }
  expect "flow.offers" { dropped = 1 }
}

test "what is no list is invalid" {
  send "adapter.offers" { body = "<html>502 Bad Gateway</html>" }

  expect "invalid.offers" {
    stage = "offers.splitter"
    message { unchanged = true }
  }
}
