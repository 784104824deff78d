# Each order goes to the plugin that it names. The program of one is not there: only
# its own messages fail. What names no plugin goes to otherwise.
#
# Input:
#   {"do": "echo", "text": "hello"}
#   {"do": "2f7c1e5a-64b1-4c1d-9d0e-6a2b7f0c3e11", "text": "hello"}
#   {"do": "shrink", "text": "hello"}
#   {"do": "sing", "text": "hello"}
#   {"text": "hello"}
#
# Unordered output:
#   hello
#   HELLO
#   shrink does not work today
#   nobody can do sing
#   nobody can do nothing

adapter "stdio" "in" {}
queue "failed" {}

flow "orders" {
  from        = adapter.in
  dead_letter = queue.failed
  retry { attempts = 1 }

  dispatch {
    by = "body.do"
    plugin "echo" {
      transform { body = "body.text" }
      to = adapter.in
    }
    plugin "upper" {
      id = "2f7c1e5a-64b1-4c1d-9d0e-6a2b7f0c3e11"
      transform { body = "upper(body.text)" }
      to = adapter.in
    }
    plugin "shrink" {
      processor { command = ["no-such-program"] }
      to = adapter.in
    }
    otherwise {
      transform { body = "'nobody can do ' + (body.do ?? 'nothing')" }
      to = adapter.in
    }
  }
}

flow "failed" {
  from = queue.failed
  transform { body = "body.do + ' does not work today'" }
  to = adapter.in
}
