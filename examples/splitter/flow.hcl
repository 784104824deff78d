# Makes one message of each line of an order, with the number of the order in it. Each
# knows its number and how many there are.
#
# Input:
#   {"order": 7, "lines": [{"sku": "a-1", "quantity": 3}, {"sku": "b-2", "quantity": 1}]}
#   {"order": 8, "lines": []}
#
# Output:
#   {"of":"1/2","order":7,"quantity":3,"sku":"a-1"}
#   {"of":"2/2","order":7,"quantity":1,"sku":"b-2"}

adapter "stdio" "orders" {}

flow "lines" {
  from = adapter.orders
  splitter {
    parts = "body.lines"
    body  = "{order: body.order, sku: part.sku, quantity: part.quantity}"
  }
  transform {
    body = "{order: body.order, sku: body.sku, quantity: body.quantity, of: string(message.sequence.number) + '/' + string(message.sequence.size)}"
  }
  to = adapter.orders
}
