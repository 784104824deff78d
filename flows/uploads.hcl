# What happens to every picture before it is announced: it is written down for the
# auditors, moderated if somebody switched that on, and made smaller if it is
# over-large.

variable "moderation" {
  description = "true: pictures of people whom nobody knows are held back"
  type        = bool
  default     = false
}

variable "over_large" {
  description = "pictures of more bytes than this are over-large"
  type        = number
  default     = 200000
}

topic "new_image" {}

queue "over_large" {}

adapter "file" "audit" { path = "out/audit.jsonl" }

adapter "file" "held" {
  path   = "'out/held/' + headers.image"
  format = "whole"
}

flow "uploads" {
  from = queue.uploads

  wire_tap "audit" {
    transform { body = "{time: now(), user: headers.user, image: headers.image, bytes: len(body)}" }
    to = adapter.audit
  }

  detour "moderation" {
    enabled = var.moderation

    filter {
      if         = "headers.user in ['ada', 'alan', 'grace', 'mary']"
      discard_to = adapter.held
    }
  }

  content_router {
    when "over_large" {
      if = "len(body) > ${var.over_large}"
      to = queue.over_large
    }
    otherwise { to = topic.new_image }
  }
}

# Nobody is sent a picture in full size. Those that are over-large wait in a queue of
# their own, so that they do not hold up the others.
flow "over_large" {
  from = queue.over_large

  thumbnail { width = 1600 }
  transform {
    headers = { original = "string(headers.original_width) + ' x ' + string(headers.original_height)" }
  }
  to = topic.new_image
}
