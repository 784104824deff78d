# Says a text backwards. The flow has the name of the one in count.hcl, and takes its
# place.

topic "texts" {}
queue "results" {}

flow "minion" {
  from = topic.texts
  transform { body = "string(body) + ' is ' + join(reverse(split(string(body), '')), '')" }
  to = queue.results
}
