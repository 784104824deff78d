# What the clients in this folder stand around.

queue "in" {}
queue "out" {}

flow "bridge" {
  from = queue.in
  to   = queue.out
}

topic "news" {}
queue "sport" {}

flow "sport" {
  from    = topic.news
  pattern = "sport.#"
  to      = queue.sport
}

# A service that eipd is.
queue "greet" {}

flow "greet" {
  from = queue.greet
  reply { body = "'Hello, ' + string(body) + '!'" }
}

# A service of somebody else, behind a smart proxy.
queue "prices" {}
queue "prices_service" {}

flow "prices" {
  from = queue.prices
  smart_proxy { service = queue.prices_service }
}

# A service that asks that of somebody else, through the proxy.
queue "offers" {}

flow "offers" {
  from        = queue.offers
  concurrency = 4
  request {
    to      = queue.prices
    timeout = "60s"
    merge   = "'offer: ' + string(body) + ' ' + string(reply)"
  }
  reply {}
}
