# A service that adds one: eipd run add.hcl --broker URL
service "add" {
  transform { body = "int(body) + 1" }
  reply {}
}
