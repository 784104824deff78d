# Thumbnails in three sizes, each made of the one before, and a line on standard
# output when they are there. Four pictures are worked on at once; more processes
# with this flow would compete for them.

adapter "file" "thumbnails" {
  path   = "'out/thumbnails/' + headers.image + '-' + headers.size + (message.content_type == 'image/png' ? '.png' : '.jpg')"
  format = "whole"
}

adapter "stdio" "terminal" {}

flow "thumbnails" {
  from        = topic.new_image
  concurrency = 4

  thumbnail "large" { width = 640 }
  transform {
    headers = {
      size     = "'large'"
      original = "headers.original ?? (string(headers.original_width) + ' x ' + string(headers.original_height))"
      made     = "string(headers.width) + ' x ' + string(headers.height)"
    }
  }
  send { to = adapter.thumbnails }

  thumbnail "medium" { width = 320 }
  transform {
    headers = {
      size = "'medium'"
      made = "headers.made + ', ' + string(headers.width) + ' x ' + string(headers.height)"
    }
  }
  send { to = adapter.thumbnails }

  thumbnail "small" { width = 160 }
  transform {
    headers = {
      size = "'small'"
      made = "headers.made + ', ' + string(headers.width) + ' x ' + string(headers.height)"
    }
  }
  send { to = adapter.thumbnails }

  transform { body = "headers.image + ' by ' + headers.user + ', ' + headers.original + ': thumbnails of ' + headers.made" }
  to = adapter.terminal
}
