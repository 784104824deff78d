# Registers at a dynamic_router that two processes run, which it knows by its contract
# alone, and sends orders to see where they go.
#
#   recipient.rb URL
require "bunny"
require "json"
require "timeout"

connection = Bunny.new(ARGV.fetch(0))
connection.start
$channel = connection.create_channel
$wanted = $channel.topic("wanted", durable: true)

# Where an order goes.
def goes(total)
  $channel.default_exchange.publish(JSON.generate(total: total), routing_key: "orders", content_type: "application/json")
  Timeout.timeout(60) do
    loop do
      %w[ruby aside].each do |queue|
        _, _, body = $channel.basic_get(queue, manual_ack: false)
        return queue if body
      end
      sleep 0.005
    end
  end
end

# Waits until orders of a total all go to a queue: both processes send them there.
def until_all(total, queue)
  Timeout.timeout(60) do
    in_a_row = 0
    until in_a_row == 20
      yield
      in_a_row = goes(total) == queue ? in_a_row + 1 : 0
    end
  end
end

def register(rule)
  $wanted.publish(rule.is_a?(String) ? rule : JSON.generate(rule), routing_key: "rule")
end

mine = { id: "ruby", to: "queue.ruby", if: "body.total > 1000", priority: 1 }
raise "somebody wants it already" unless goes(5000) == "aside"

until_all(5000, "ruby") { register mine }
raise "it got what it does not want" unless goes(10) == "aside"

register "nonsense"
register id: "ruby", to: "queue.aside"
register id: "all", to: "queue.secret"
register id: "code", to: "queue.ruby", if: "len(body) > 0"
20.times do
  register mine
  raise "a rule that was refused took its place" unless goes(5000) == "ruby" && goes(10) == "aside"
end

until_all(5000, "aside") {} # it has registered long enough ago
connection.close
puts "done"
