# A service that adds one, or a client that asks it.
#
#   add.rb URL serve COUNT                      answers so many requests
#   add.rb URL call direct|exclusive COUNT      asks so often, and prints how many answers are right
require "bunny"
require "timeout"

url, role, *rest = ARGV
count = rest.last.to_i
connection = Bunny.new(url, automatically_recover: false)
connection.start
channel = connection.create_channel
exchange = channel.default_exchange
over = Queue.new

if role == "serve"
  channel.prefetch(20)
  channel.queue("add", durable: true).subscribe(manual_ack: true) do |delivery, request, body|
    exchange.publish((Integer(body) + 1).to_s, routing_key: request.reply_to, correlation_id: request.correlation_id)
    channel.ack(delivery.delivery_tag)
    over << true
  end
  $stdout.puts "ready"
  $stdout.flush
  Timeout.timeout(60) { count.times { over.pop } }
else
  # Replies come straight to this channel, or by a queue of our own.
  inbox = rest[0] == "direct" ? "amq.rabbitmq.reply-to" : channel.queue("", exclusive: true).name
  consumer = Bunny::Consumer.new(channel, inbox, channel.generate_consumer_tag, true)
  consumer.on_delivery { |_, reply, body| over << (reply.headers.nil? && Integer(body) == Integer(reply.correlation_id) + 1) }
  channel.basic_consume_with(consumer)
  count.times { |i| exchange.publish(i.to_s, routing_key: "add", reply_to: inbox, correlation_id: i.to_s) }
  puts Timeout.timeout(60) { count.times.count { over.pop } }
end
connection.close
