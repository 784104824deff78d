# Makes thumbnails of all pictures in a folder, and says how large they are.
#
# Unordered output:
#   hills.jpg, 240 x 160, became 60 x 40
#   moon.png, 120 x 180, became 40 x 60

adapter "file" "pictures" {
  path   = "pictures/*"
  format = "whole"
}

adapter "file" "thumbnails" {
  path   = "'thumbnails/' + headers.name"
  format = "whole"
}

adapter "stdio" "out" {}

flow "thumbnails" {
  from = adapter.pictures

  thumbnail {
    width  = 60
    height = 60
  }
  transform {
    headers = { name = "split(headers.file, '/')[-1]" }
  }
  send { to = adapter.thumbnails }

  transform {
    body = "headers.name + ', ' + string(headers.original_width) + ' x ' + string(headers.original_height) + ', became ' + string(headers.width) + ' x ' + string(headers.height)"
  }
  to = adapter.out
}
