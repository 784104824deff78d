suite {
  flows = ["../all/flows.hcl"]
  variables = { passwort = "x" }
}
test "a" {}
