# Writes each letter to a file that is named by the letter itself, and then says
# which files there are. A name that leads out of the folder makes its letter
# invalid.
#
# Input:
#   {"to": "ada", "text": "Hello, Ada!"}
#   {"to": "../../grace", "text": "Hello, Grace!"}
#   {"to": "linus", "text": "Hello, Linus!"}
#
# Output:
#   ada.txt
#   ada.txt linus.txt

adapter "stdio" "in" {}

adapter "file" "letters" {
  format = "whole"
  path   = "'letters/' + body.to + '.txt'"
}

flow "letters" {
  from = adapter.in
  send { to = adapter.letters }
  exec "list" {
    command = ["sh", "-c", "ls letters | paste -s -d ' ' -"]
    output  = "body"
  }
  to = adapter.in
}
