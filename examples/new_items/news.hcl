# Asks an API for its list of offers, and passes on those that were not in it before. What
# was passed on is on disk, and outlasts a restart.

variable "api" {
  default = "http://127.0.0.1:8092/offers.json"
}

adapter "http" "offers" {
  url   = var.api
  every = "1s" # a minute would be more polite
}

adapter "stdio" "out" {}

flow "offers" {
  from = adapter.offers
  splitter { format = "json_array" }
  idempotent_receiver {
    key      = "body.id"
    remember = "720h"
  }
  to = adapter.out
}
