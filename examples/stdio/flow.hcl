# Takes lines from standard input, and writes lines to standard output: `eipd run`
# as a filter of a shell.
#
# Input:
#   {"name": "Ada", "born": 1815}
#   {"name": "Grace", "born": 1906}
#
# Output:
#   {"age":21,"name":"Ada"}
#   {"age":-70,"name":"Grace"}

adapter "stdio" "shell" {
  content_type = "application/json"
}

flow "ages" {
  from = adapter.shell
  transform {
    body = "{name: body.name, age: 1836 - body.born}"
  }
  to = adapter.shell
}
