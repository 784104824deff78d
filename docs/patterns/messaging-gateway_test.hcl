test "a caller is told the price" {
  call "adapter.prices" {
    body = { item = "tea" }
    reply {
      body = { item = "tea", price = 3 }
    }
  }
}
