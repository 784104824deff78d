# Is a step of a routing slip, which it leaves as it is, and has orders pass it.
#
#   slip.rb URL
require "bunny"
require "json"
require "timeout"

connection = Bunny.new(ARGV.fetch(0))
connection.start
$channel = connection.create_channel
exchange = $channel.default_exchange

def take(queue)
  Timeout.timeout(60) do
    loop do
      _, properties, body = $channel.basic_get(queue, manual_ack: false)
      return properties, body if body

      sleep 0.005
    end
  end
end

{ 50 => "done", 500 => "failed" }.each do |total, ends|
  order = JSON.generate(total: total)
  exchange.publish(order, routing_key: "orders", content_type: "application/json", message_id: "o#{total}")
  properties, body = take("stamp")
  slip = JSON.parse(properties[:headers]["eip-slip"])["slip"]
  raise "the slip is #{slip}" unless slip["id"] == "o#{total}" && slip["left"].map { |s| s["to"] } == %w[queue.stamp queue.check]

  exchange.publish(body, routing_key: "stamped", content_type: "application/json", message_id: properties[:message_id],
                         headers: properties[:headers].merge("stamp" => "S#{total}"))
  properties, body = take(ends)
  raise "there came #{properties} #{body}" unless body == order && properties[:headers].to_h["eip-slip"].nil?
  next if ends == "done"

  raise "it says #{properties[:headers]}" unless properties[:headers]["eip-undo"] == "queue.unstamp"

  properties, body = take("unstamp")
  raise "it is to undo #{properties} #{body}" unless body == '"S500"' && properties[:message_id] == "o500/1/undo"
end

# What it forges goes nowhere.
properties = { content_type: "application/json", headers: { "eip-slip" => '{"slip":{"id":"7","left":[{"to":"queue.stamp"},{"to":"queue.check"}],"done":[]},"mac":""}' } }
exchange.publish('{"total":1}', routing_key: "stamped", **properties)
forged, = take("stamped.dead")
raise "it says #{forged[:headers]}" unless forged[:headers]["eip-error"].include?("was not signed")

connection.close
puts "done"
