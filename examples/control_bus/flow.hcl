# The control bus is a topic, so a flow can speak on it too. A line of input that is
# a command goes there, and the answer is printed; orders go their way, by a detour
# that a command switches on.
#
# Input:
#   {"order": 1}
#   {"command": "set", "target": "desk.*.*.wrap", "args": {"enabled": true}}
#   {"order": 2}
#   {"command": "set", "target": "desk.*.*.warp", "args": {"enabled": true}}
#   {"command": "stop", "target": "desk"}
#
# Output:
#   order 1
#   set: done
#   order 2, in paper
#   set: unknown_target
#   stop: not_allowed

adapter "stdio" "in" {}
topic "control" { address = "eip.control" }

control_bus {
  topic = topic.control
  allow = ["set", "stats"]
}

flow "desk" {
  from = adapter.in
  retry {
    ordered = true # an order waits for the command before it
  }
  content_router {
    when "command" {
      if = "body.command != nil"
      request {
        to      = topic.control
        timeout = "2s"
      }
      transform { body = "body.command + ': ' + (body.ok ? 'done' : body.error.code)" }
      to = adapter.in
    }
    otherwise {
      transform { body = "'order ' + string(body.order)" }
      detour "wrap" {
        transform { body = "body + ', in paper'" }
      }
      to = adapter.in
    }
  }
}
