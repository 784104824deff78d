test "a letter is a file of its own" {
  stub "letters.list" { body = "'listed'" }

  send "adapter.in" { body = { to = "ada", text = "Hello, Ada!" } }

  expect "adapter.letters" {
    at = "letters/ada.txt"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { text = "listed" }
  }
}

test "no letter gets out of the folder" {
  stub "letters.list" { body = "'listed'" }

  send "adapter.in" { body = { to = "../../grace", text = "Hello, Grace!" } }

  expect "invalid.letters" {
    stage = "letters.send"
    message { unchanged = true }
  }
}
