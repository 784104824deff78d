# Asks a service, whose plugins are of three kinds, and prints what they answer.

adapter "stdio" "in" {}

flow "ask" {
  from = adapter.in
  transform {
    headers = { plugin = "body.plugin" }
    body    = "body.text"
  }
  request { to = queue.plugins }
  to = adapter.in
}

service "plugins" {
  dispatch {
    by = "headers.plugin"
    plugin "echo" { # stages that are there already
      reply {}
    }
    plugin "reverse" { # a stage of this program
      reverse {}
      reply {}
    }
    plugin "words" { # a program in any language
      processor { command = ["python3", "words.py"] }
      reply {}
    }
  }
}
