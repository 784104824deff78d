# Sends reminders when it is time for them. What waits is on disk, and outlasts a
# restart.
#
# Input:
#   {"text": "pay the invoice", "wait": "400ms"}
#   {"text": "confirm the order", "wait": "200ms"}
#   {"text": "welcome"}
#
# Output:
#   welcome
#   confirm the order
#   pay the invoice

adapter "stdio" "in" {}

flow "reminders" {
  from = adapter.in
  delay { for = "body.wait ?? '0s'" }
  transform { body = "body.text" }
  to = adapter.in
}
