# Where pictures come in: over HTTP, and from a folder, so that there is something
# to see at once. Whoever uploads is answered as soon as the picture is safe in
# queue.uploads, and does not wait for what is done with it.

variable "listen" {
  description = "the address on which pictures are uploaded"
  type        = string
  default     = "127.0.0.1:8088"
}

variable "samples" {
  description = "pictures that are there from the beginning, as FOLDER/USER/NAME"
  type        = string
  default     = "flows/images/*/*"
}

adapter "http" "gateway" {
  listen   = var.listen
  path     = "/images"
  max_body = "20MiB"
}

adapter "file" "samples" {
  path   = var.samples
  format = "whole"
}

queue "uploads" {}

flow "gateway" {
  from = adapter.gateway

  # The picture's name becomes part of a file name, so it is none that a client made up.
  transform {
    headers = {
      user  = "headers.user ?? 'somebody'"
      image = "'upload-' + message.id[0:12]"
    }
  }
  to = queue.uploads
}

flow "samples" {
  from = adapter.samples

  transform {
    headers = {
      user  = "split(headers.file, '/')[-2]"
      image = "split(split(headers.file, '/')[-1], '.')[0]"
    }
  }
  to = queue.uploads
}
