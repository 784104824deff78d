# Tests of the quick start: eipd test flows

suite {
  variables = { over_large = 10 }
}

test "a picture that is uploaded is safe in a queue, and gets a name of its own" {
  flows = ["gateway"]

  send "adapter.gateway" {
    id           = "0123456789abcdef"
    body_file    = "images/grace/sea.jpg"
    content_type = "image/jpeg"
    headers      = { user = "grace" }
  }

  expect "queue.uploads" {
    message {
      golden       = "images/grace/sea.jpg"
      content_type = "image/jpeg"
      headers      = { user = "grace", image = "upload-0123456789ab" }
    }
  }
}

test "an upload without a user is somebody's" {
  flows = ["gateway"]

  send "adapter.gateway" { body = "a picture" }

  expect "queue.uploads" {
    message { headers = { user = "somebody" } }
  }
}

test "a sample picture is of the user whose folder it lies in" {
  flows = ["samples"]

  send "adapter.samples" {
    body    = "a picture\nof two lines"
    headers = { file = "flows/images/ada/mountains.jpg" }
  }

  expect "queue.uploads" {
    message { headers = { user = "ada", image = "mountains" } }
  }
}

test "a picture is written down, and announced" {
  flows = ["uploads"]

  send "queue.uploads" {
    body    = "a picture"
    headers = { user = "ada", image = "mountains" }
  }

  expect "adapter.audit" {
    at = "out/audit.jsonl"
    message {
      body = { time = "2026-01-05T09:00:00Z", user = "ada", image = "mountains", bytes = 9 }
    }
  }
  expect "topic.new_image" {
    message { unchanged = true }
  }
}

test "a picture is over-large beyond so many bytes" {
  flows  = ["uploads"]
  ignore = ["adapter.audit"]
  each = {
    as_large  = { body = "0123456789", over_large = 0 }
    too_large = { body = "0123456789a", over_large = 1 }
  }

  send "queue.uploads" {
    body    = row.body
    headers = { user = "ada", image = "mountains" }
  }

  expect "queue.over_large" { count = row.over_large }
  expect "topic.new_image" { count = 1 - row.over_large }
}

test "an over-large picture is announced once it is smaller" {
  flows = ["over_large"]

  send "queue.over_large" {
    body_file    = "images/ada/panorama.jpg"
    content_type = "image/jpeg"
    headers      = { user = "ada", image = "panorama" }
  }

  expect "topic.new_image" {
    message {
      headers = { width = 1600, height = 450, original = "4800 x 1350" }
    }
  }
}

test "an over-large picture waits until it can be announced" {
  flows = ["over_large"]

  fault "topic.new_image" {
    error = "connection refused"
    times = 1
  }
  send "queue.over_large" {
    body_file    = "images/grace/sea.jpg"
    content_type = "image/jpeg"
    headers      = { user = "grace", image = "sea" }
  }

  expect "topic.new_image" { count = 1 }
  expect "flow.over_large" { retried = 1 }
}

test "who is not known is held back while pictures are moderated" {
  flows  = ["uploads"]
  ignore = ["adapter.audit", "topic.new_image"]
  each = {
    known   = { user = "grace", held = 0 }
    unknown = { user = "linus", held = 1 }
  }

  command "set" {
    target = "uploads.moderation"
    args   = { enabled = true }
  }
  send "queue.uploads" {
    body    = "a picture"
    headers = { user = row.user, image = "sea" }
  }

  expect "adapter.held" {
    count = row.held
    at    = "out/held/sea"
  }
  expect "stage.uploads.moderation" { received = 1 }
}

test "nobody is held back otherwise" {
  flows  = ["uploads"]
  ignore = ["adapter.audit"]

  send "queue.uploads" {
    body    = "a picture"
    headers = { user = "linus", image = "sea" }
  }

  expect "topic.new_image" {
    message { not_via = ["uploads.moderation.filter"] }
  }
}

test "three thumbnails are made, each of the one before" {
  flows = ["thumbnails"]
  each = {
    jpeg = { file = "images/grace/sea.jpg", type = "image/jpeg", ending = ".jpg", says = "900 x 1200: thumbnails of 480 x 640, 240 x 320, 120 x 160" }
    png  = { file = "images/mary/night.png", type = "image/png", ending = ".png", says = "800 x 600: thumbnails of 640 x 480, 320 x 240, 160 x 120" }
  }

  send "topic.new_image" {
    body_file    = row.file
    content_type = row.type
    headers      = { user = "grace", image = "sea" }
  }

  expect "adapter.thumbnails" {
    at = "out/thumbnails/sea-large${row.ending}"
    message { headers = { size = "large" } }
  }
  expect "adapter.thumbnails" {
    at = "out/thumbnails/sea-medium${row.ending}"
    message { headers = { size = "medium" } }
  }
  expect "adapter.thumbnails" {
    at = "out/thumbnails/sea-small${row.ending}"
    message { headers = { size = "small" } }
  }
  expect "adapter.terminal" {
    message { text = "sea by grace, ${row.says}" }
  }
}

test "a picture that was over-large keeps its first size" {
  flows  = ["thumbnails"]
  ignore = ["adapter.thumbnails"]

  send "topic.new_image" {
    body_file    = "images/grace/sea.jpg"
    content_type = "image/jpeg"
    headers      = { user = "grace", image = "sea", original = "4800 x 1350" }
  }

  expect "adapter.terminal" {
    message { matches = "^sea by grace, 4800 x 1350: " }
  }
}

test "friends hear of a picture" {
  flows = ["notify_friends"]

  send "topic.new_image" {
    body    = "a picture"
    headers = { user = "ada", image = "mountains" }
  }

  expect "adapter.mail" {
    at = "out/mail.txt"
    message { text = "Dear friends of ada, there is a new picture: mountains." }
  }
}

test "a picture earns points" {
  flows = ["add_points", "points_proxy", "points_service"]

  send "topic.new_image" {
    body    = "a picture"
    headers = { user = "ada", image = "mountains" }
  }

  expect "adapter.points" {
    at = "out/points.jsonl"
    message {
      body = { user = "ada", image = "mountains", points = 10 }
    }
  }
  expect "stage.points_proxy.points" { received = 1 }
}

test "points may take their time, but not for ever" {
  flows = ["add_points"]
  each = {
    slow     = { takes = "9s", earned = 1, failed = 0 }
    too_slow = { takes = "11s", earned = 0, failed = 1 }
  }
  service "queue.points" {
    body  = "{points: 10}"
    delay = row.takes
  }

  send "topic.new_image" {
    body    = "a picture"
    headers = { user = "ada", image = "mountains" }
  }

  expect "dead_letters.add_points" { count = row.failed }
  expect "adapter.points" { count = row.earned }
  expect "flow.add_points" { retried = 2 * row.failed }
}

test "anything else earns none" {
  flows = ["points_service"]

  call "queue.points_service" {
    body = { user = "ada", event = "gone", image = "mountains" }
    reply {
      body = { user = "ada", image = "mountains", points = 0 }
    }
  }
}
