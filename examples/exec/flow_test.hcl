test "words come back in the order that the program makes" {
  stub "words.sort" { body = "'apples\\npears\\nplums\\n'" }

  send "adapter.in" { body = "pears apples plums" }

  expect "adapter.in" {
    message { text = "3 words: apples pears plums" }
  }
}

test "a program that fails is tried again" {
  stub "words.sort" { body = "'pears\\n'" }
  fault "words.sort" {
    error = "exit status 1"
    times = 2
  }

  send "adapter.in" { body = "pears" }

  expect "adapter.in" {
    message { text = "1 words: pears" }
  }
  expect "flow.words" { retried = 2 }
}

test "a program that always fails costs the message, and no more" {
  fault "words.sort" { error = "exit status 1" }
  stub "words.sort" { body = "body" }

  send "adapter.in" { body = "pears" }

  expect "dead_letters.words" {
    stage = "words.sort"
    error = "exit status 1"
    message { unchanged = true }
  }
}
