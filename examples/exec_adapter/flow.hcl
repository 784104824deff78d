# Asks a program, and goes on with what it prints.
#
# Input:
#   one
#   two
#
# Output:
#   ONE
#   TWO

adapter "stdio" "in" {}

adapter "exec" "upper" {
  command = ["tr", "a-z", "A-Z"]
}

flow "shout" {
  from = adapter.in
  request { to = adapter.upper }
  to = adapter.in
}
