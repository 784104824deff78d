# A service whose work is done elsewhere, and that says who did it.
variable "who" { default = "nobody" }
variable "timeout" { default = "0s" }

queue "work" {}

service "slow" {
  concurrency = 4
  timeout     = var.timeout
  request {
    to      = queue.work
    timeout = "10m"
  }
  reply { body = "'${var.who}'" }
}
