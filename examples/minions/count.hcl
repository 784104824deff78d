# Says how many letters a text has.

variable "at_least" {
  description = "the letters that a text must have"
  type        = number
  default     = 1
  dynamic     = true # a command may say it
}

topic "texts" {}
queue "results" {}

flow "minion" {
  from = topic.texts
  filter { if = "len(string(body)) >= ${var.at_least}" }
  transform { body = "string(body) + ' has ' + string(len(string(body)))" }
  to = queue.results
}
