# Prints what comes out of the queue of orders, each with its Message ID, until there
# comes one of the type "end".
#
#   orders.rb URL
require "bunny"

$stdout.sync = true
connection = Bunny.new(ARGV.fetch(0))
connection.start
channel = connection.create_channel
channel.prefetch(100)
ended = Queue.new
channel.queue("orders", durable: true).subscribe(manual_ack: true) do |delivery, properties, body|
  puts "#{properties.message_id}\t#{body}" unless properties.type == "end"
  channel.ack(delivery.delivery_tag)
  ended << true if properties.type == "end"
end
ended.pop
connection.close
