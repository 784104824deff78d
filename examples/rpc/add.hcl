# A service that adds one: eipd run add.hcl --broker URL
service "add" {
  transform { body = "int(string(body)) + 1" }
  reply {}
}
