# Says a text backwards. The flow has the name of the one in count.hcl, and takes its
# place.

topic "texts" {}
queue "results" {}

flow "minion" {
  from = topic.texts
  transform { body = "body + ' is ' + join(reverse(split(body, '')), '')" }
  to = queue.results
}
