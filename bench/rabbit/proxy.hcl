# A smart proxy before a service.
queue "requests" {}
queue "service" {}

flow "proxy" {
  from = queue.requests

  smart_proxy { service = queue.service }
}
