test "a body that XML does not have: ]]>" {
  send "topic.news" { body_base64 = "XV0+IACfjoEg8J+OgQ==" }
}

test "one that is text" {
  send "topic.news" { body_base64 = "XV0+IAAg8J+OgQ==" }
}

suite {
  flows = ["../all/flows.hcl"]
}
