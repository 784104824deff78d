# Appends each order to the file of its day, and then says how many lines are in the
# files.
#
# Input:
#   {"day": "2026-03-01", "id": 1}
#   {"day": "2026-03-02", "id": 2}
#   {"day": "2026-03-01", "id": 3}
#
# Output:
#   2026-03-01.jsonl:1
#   2026-03-01.jsonl:1 2026-03-02.jsonl:1
#   2026-03-01.jsonl:2 2026-03-02.jsonl:1

adapter "stdio" "in" {}

adapter "file" "orders" { path = "'orders/' + body.day + '.jsonl'" }

flow "orders" {
  from = adapter.in
  send { to = adapter.orders }
  exec "show" {
    command = ["sh", "-c", "cd orders && grep -cH '' * | paste -s -d ' ' -"]
    output  = "body"
  }
  to = adapter.in
}
