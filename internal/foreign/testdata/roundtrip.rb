# Sends messages straight to a queue, and to another one through a flow; what comes
# out of both must be the same.
#
#   roundtrip.rb URL
require "bunny"
require "timeout"

connection = Bunny.new(ARGV.fetch(0), automatically_recover: false)
connection.start
channel = connection.create_channel
channel.confirm_select
direct = channel.queue("", exclusive: true).name

headers = {
  "text" => "Grüße", "empty" => "", "bytes" => "\xFF\x00".b, "true" => true, "false" => false,
  "small" => 1, "negative" => -(2**40), "largest" => 2**63 - 1, "float" => 0.1, "time" => Time.at(1_700_000_000),
  "void" => nil, "array" => [1, "two", [3.5, nil], { "four" => 4 }], "table" => { "in" => { "deep" => [true] } },
  "x-death" => [{ "count" => 3, "queue" => "elsewhere", "reason" => "rejected", "time" => Time.at(1_700_000_001), "routing-keys" => ["k"] }]
}
properties = {
  content_type: "application/json", content_encoding: "identity", priority: 7, correlation_id: "c", reply_to: "somewhere",
  expiration: "60000", message_id: "m", timestamp: 1_700_000_000, type: "t", user_id: "guest", app_id: "bunny"
}
body = (0..255).to_a.pack("C*") * 100
messages = [[properties.merge(headers: headers), body], [{}, ""]]
messages += headers.map { |name, value| [{ headers: { name => value } }, name] }
messages += properties.map { |name, value| [{ name => value }, name.to_s] }

messages.each do |p, b|
  [direct, "in"].each { |queue| channel.default_exchange.publish(b, **p, routing_key: queue, persistent: true) }
end
abort "the broker did not take them" unless channel.wait_for_confirms

take = lambda do |queue|
  Timeout.timeout(60) do
    loop do
      _, p, b = channel.basic_get(queue)
      return p.to_h, b if p
    end
  end
end

messages.each do |sent, _|
  want, got = take.call(direct), take.call("out")
  want[0].delete(:priority) if want[0][:priority] == 0 # which bunny adds; it is that of messages without
  abort "#{sent}\ncame straight as\n#{want}\nand through the flow as\n#{got}" unless want == got
  abort "#{sent} came as #{want}" unless sent.keys.all? { |name| want[0].key?(name) }
end
puts "#{messages.size} messages are as they were"
connection.close
