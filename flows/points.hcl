# Each picture earns its user points. The service that counts them belongs to somebody
# else and is slow at times: a smart proxy before it measures every round trip, and
# brings each reply back to whoever asked.

queue "points" {}

queue "points_service" {}

adapter "file" "points" { path = "out/points.jsonl" }

flow "add_points" {
  from        = topic.new_image
  concurrency = 4

  request {
    to      = queue.points
    body    = "{user: headers.user, event: 'new_image', image: headers.image}"
    timeout = "10s"
  }
  to = adapter.points
}

flow "points_proxy" {
  from = queue.points

  smart_proxy "points" { service = queue.points_service }
}

# The service itself. It could run anywhere, written in any language.
flow "points_service" {
  from = queue.points_service

  reply { body = "{user: body.user, image: body.image, points: body.event == 'new_image' ? 10 : 0}" }
}
