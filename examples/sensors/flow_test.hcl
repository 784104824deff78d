test "a device's readings of a minute are one line" {
  send "adapter.in" { body = { device = "roof", celsius = 20 } }
  send "adapter.in" { body = { device = "roof", celsius = 23 } }
  send "adapter.in" { body = { device = "roof", celsius = 21.5 } }

  expect "adapter.in" {
    message { body = { device = "roof", average = 21.5, highest = 23, readings = 3 } }
  }
}

test "devices are apart, and so are minutes" {
  send "adapter.in" { body = { device = "roof", celsius = 20 } }
  send "adapter.in" { body = { device = "cellar", celsius = 11 } }
  advance "1m" {}
  send "adapter.in" { body = { device = "roof", celsius = 30 } }

  expect "adapter.in" {
    order = "any"
    message { has = { device = "roof", average = 20, readings = 1 } }
    message { has = { device = "cellar", average = 11, readings = 1 } }
    message { has = { device = "roof", average = 30, readings = 1 } }
  }
}

test "a reading that is none is invalid, and spoils no average" {
  send "adapter.in" { body = { device = "roof", celsius = 20 } }
  send "adapter.in" { body = { device = "roof", celsius = "warm" } }

  expect "invalid.readings" { count = 1 }
  expect "adapter.in" {
    message { has = { average = 20, readings = 1 } }
  }
}
