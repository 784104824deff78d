require_relative "eipd_processor"

Eipd.run do |message|
  order = message["body"]
  raise Eipd::Invalid, "an order has items" unless order.key?("items")
  order["total"] = order["items"].sum { |item| item["price"] * item["count"] }
  puts "order #{order["id"]} comes to #{order["total"]}" # to the log
  large = order["total"] >= 1000 ? [{ to: "queue.large", body: order["id"] }] : []
  Eipd::Answer[body: order, headers: { priced_by: "a worker" }, send: large]
end
