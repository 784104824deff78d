# Runs a program whenever the machine database says that it has changed: a message
# "UPDATED" to the topic dhcp. What is sent while this is down, or the broker, waits and is
# run afterwards; a run that fails is tried again.
#
#   eipd run regen.hcl --broker stomp://mq1:61613

variable "program" {
  description = "what is run: the program and its arguments, without a shell"
  type        = list(string)
  default     = ["/usr/local/bin/gendhcpconf"]
}

topic "dhcp" {}

flow "regen" {
  from = topic.dhcp

  filter { if = "trim(body) == 'UPDATED'" }
  exec {
    command = var.program
    timeout = "1m"
  }
  discard {}
}
