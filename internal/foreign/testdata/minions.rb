# Gives work to the minions m1, m2 and m3 of five processes, and other work while texts
# come, 200 a second; knows nothing but the contract of the control bus.
#
#   minions.rb URL
require "bunny"
require "json"
require "securerandom"
require "timeout"

MINIONS = %w[m1 m2 m3]
connection = Bunny.new(ARGV.fetch(0), automatically_recover: false)
connection.start
channel = connection.create_channel
$inbox = channel.queue("", exclusive: true)
$bus = channel.topic("eip.control", durable: true)

# Gives a command to those whose name begins with m, and returns what they answer.
def ask(command, target, args = {})
  question = SecureRandom.uuid
  $bus.publish(JSON.generate(command: command, target: target, args: args, instance: "m*"),
               routing_key: "any", reply_to: $inbox.name, correlation_id: question)
  replies, over = {}, nil
  Timeout.timeout(60) do
    until over && Time.now > over
      _, properties, body = $inbox.pop
      next sleep(0.005) unless properties

      raise "an answer to another command" unless properties.correlation_id == question

      reply = JSON.parse(body)
      raise "two answers of #{reply["instance"]}" if replies[reply["instance"]]

      replies[reply["instance"]] = reply
      over = Time.now + 0.5 if replies.size == MINIONS.size # nobody else answers
    end
  end
  raise "there answered #{replies.keys}" unless replies.keys.sort == MINIONS

  replies.values
end

def done(replies, what)
  replies.each { |r| raise r.to_s unless r["ok"] && r["result"][what] == ["minion"] }
end

def refused(replies, code)
  replies.each { |r| raise r.to_s unless !r["ok"] && r["error"]["code"] == code }
end

refused ask("apply", "count.hcl", vars: { least: 3 }), "bad_args" # there is none
refused ask("apply", "count.hcl", vars: { at_least: "some" }), "bad_args"
refused ask("apply", "reverse.hcl", vars: { at_least: 3 }), "bad_args"
done ask("apply", "count.hcl", vars: { at_least: 3 }), "new"
refused ask("apply", "reverse.hcl"), "failed"

going, sent = true, 0
sender = Thread.new do
  texts = connection.create_channel.topic("texts", durable: true)
  while going
    texts.publish(format("text%06d", sent), persistent: true)
    sent += 1
    sleep 0.005
  end
end
sleep 0.5
4.times do |i|
  file, vars = i.even? ? ["reverse.hcl", {}] : ["count.hcl", { at_least: 3 }]
  done ask("apply", file, replace: true, vars: vars), "changed"
end
going = false
sender.join

results = Hash.new { |h, k| h[k] = [] }
Timeout.timeout(60) do
  until results.size == sent
    _, _, body = channel.basic_get("results", manual_ack: false)
    next sleep(0.005) unless body

    text, how, = body.split
    results[text] << how
  end
end
sleep 0.2
_, _, more = channel.basic_get("results", manual_ack: false)
raise "#{more} came besides" if more
twice = results.select { |_, how| how.size > 1 }
raise "some were worked on twice: #{twice}" unless twice.empty?
raise "all was done by the same work" unless results.values.flatten.uniq.size == 2

connection.close
puts "done"
