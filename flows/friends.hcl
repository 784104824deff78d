# The friends of whoever uploaded a picture hear of it. The flow has a subscription of
# its own to the topic: nothing else had to change when it was added.

adapter "file" "mail" { path = "out/mail.txt" }

flow "notify_friends" {
  from = topic.new_image

  transform { body = "'Dear friends of ' + headers.user + ', there is a new picture: ' + headers.image + '.'" }
  to = adapter.mail
}
