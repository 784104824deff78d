# Has a program put the words of each line in order: it is given one to a line, and
# what it prints is the new body.
#
# Input:
#   pears apples plums
#
# Output:
#   3 words: apples pears plums

adapter "stdio" "in" {}

flow "words" {
  from = adapter.in
  exec "sort" {
    command = ["sort"]
    input   = "join(split(body, ' '), '\\n') + '\\n'"
    output  = "body"
    timeout = "10s"
  }
  transform {
    body = "string(len(split(trim(body), '\\n'))) + ' words: ' + join(split(trim(body), '\\n'), ' ')"
  }
  to = adapter.in
}
