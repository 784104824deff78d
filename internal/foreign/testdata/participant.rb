# Takes part in processes: answers their requests at once, and cancels at the same moment.
#
#   participant.rb URL QUEUE EVENTS
require "bunny"
require "json"

$stdout.sync = true
url, queue, events = ARGV
connection = Bunny.new(url)
connection.start
channel = connection.create_channel
channel.prefetch(200)
elsewhere = connection.create_channel
channel.queue(queue, durable: true).subscribe(manual_ack: true, block: false) do |delivery, properties, body|
  order = JSON.parse(body).fetch("order")
  reply = -> { channel.default_exchange.publish('{"ok":true}', routing_key: properties.reply_to, correlation_id: properties.correlation_id, persistent: true, content_type: "application/json", message_id: "paid #{order}") }
  cancel = -> { elsewhere.default_exchange.publish(JSON.generate(order: order, event: "cancel"), routing_key: events, persistent: true, content_type: "application/json", message_id: "cancel #{order}") }
  (rand < 0.5 ? [reply, cancel] : [cancel, reply]).each(&:call)
  channel.ack(delivery.delivery_tag)
end
puts "ready"
$stdin.read # until it is closed
connection.close
