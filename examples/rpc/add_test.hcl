test "it adds one" {
  call "queue.add" {
    body = "41"
    reply { text = "42" }
  }
}

test "what is no number is answered with an error" {
  call "queue.add" {
    body = "forty-one"
    reply {}
  }
}
