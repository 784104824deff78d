suite {
  variabels = {}
  time      = "yesterday"
}
test "not read" {
  nothing = 1
}
