test "a picture is made small, and keeps its shape" {
  each = {
    wide = { file = "hills.jpg", type = "image/jpeg", says = "hills.jpg, 240 x 160, became 60 x 40" }
    tall = { file = "moon.png", type = "image/png", says = "moon.png, 120 x 180, became 40 x 60" }
  }
  send "adapter.pictures" {
    body_file    = "pictures/${row.file}"
    content_type = row.type
    headers      = { file = "pictures/${row.file}" }
  }

  expect "adapter.thumbnails" {
    at = "thumbnails/${row.file}"
    message { content_type = row.type }
  }
  expect "adapter.out" {
    message { text = row.says }
  }
}

test "what is no picture is invalid" {
  send "adapter.pictures" {
    body    = "hello"
    headers = { file = "pictures/letter.txt" }
  }

  expect "invalid.thumbnails" {
    stage = "thumbnails.thumbnail"
    message { unchanged = true }
  }
}
