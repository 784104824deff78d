suite {
  flows = ["flows.hcl"]
  variables = { passwort = "x" }
}
test "a" {}
