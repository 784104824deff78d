# Averages the readings of each device, a minute at a time. Only a sum and a count are kept
# of each device, however many readings there are.
#
# Input:
#   {"device": "roof", "celsius": 20}
#   {"device": "cellar", "celsius": 11}
#   {"device": "roof", "celsius": 23}
#   {"device": "roof", "celsius": 21.5}
#
# Output:
#   {"average":21.5,"device":"roof","highest":23,"readings":3}
#   {"average":11,"device":"cellar","highest":11,"readings":1}

adapter "stdio" "in" {}

flow "readings" {
  from = adapter.in
  aggregator {
    key     = "body.device"
    every   = "1m"
    initial = "{sum: 0, highest: body.celsius}"
    fold    = "{sum: value.sum + body.celsius, highest: max(value.highest, body.celsius)}"
    body    = "{device: group.key, average: group.value.sum / group.count, highest: group.value.highest, readings: group.count}"
  }
  to = adapter.in
}
