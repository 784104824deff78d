test "the program runs when the database has changed" {
  stub "regen.exec" { body = "''" }

  send "topic.dhcp" { body = "UPDATED\n" }

  expect "stage.regen.exec" { received = 1 }
}

test "it does not run for anything else" {
  send "topic.dhcp" { body = "BACKUP" }

  expect "stage.regen.exec" { received = 0 }
  expect "flow.regen" { dropped = 1 }
}

test "a run that fails is tried again" {
  stub "regen.exec" { body = "''" }
  fault "regen.exec" {
    error = "exit status 1"
    times = 2
  }

  send "topic.dhcp" { body = "UPDATED" }

  expect "flow.regen" {
    retried = 2
    dropped = 1
  }
}
