# Sends messages with every property and kind of header to one queue, and expects the
# same from another: bunny_client.rb URL IN OUT.
require "bunny"
require "timeout"

url, to, source = ARGV
headers = {
  "text" => "ü\0\r\n:", "empty" => "", "true" => true, "false" => false, "nil" => nil,
  "small" => 7, "negative" => -7, "large" => 2**40, "least" => -(2**63), "most" => 2**63 - 1,
  "float" => -0.125, "time" => Time.at(1_700_000_000),
  "table" => { "in" => { "deep" => [1, "two", nil, {}, []] } },
  "list" => [true, 7, "x", 1.5, nil, [], { "a" => [1] }], "eip-error" => "none"
}
properties = {
  content_type: "application/x-test", content_encoding: "identity", priority: 9, correlation_id: "corr", reply_to: "replies",
  expiration: "3600000", message_id: "id-1", timestamp: 1_700_000_000, type: "a type", user_id: "guest", app_id: "an app"
}
messages = [
  [properties.merge(headers: headers, persistent: false), (0..255).map(&:chr).join.b * 300],
  [properties.merge(headers: headers, persistent: true), "".b],
  [{ persistent: true }, "nothing set"]
]

connection = Bunny.new(url, log_level: Logger::ERROR).start
channel = connection.create_channel
channel.confirm_select
came = Queue.new
channel.queue(source, passive: true).subscribe { |_, got, body| came << [got, body] }
messages.each { |sent, body| channel.default_exchange.publish(body, sent.merge(routing_key: to, mandatory: true)) }
abort "not confirmed" unless channel.wait_for_confirms

failed = false
same = lambda do |v|
  case v
  when String then v.dup.force_encoding("UTF-8")
  when Time then v.to_i
  when Array then v.map(&same)
  when Hash then v.to_h { |k, x| [same.call(k), same.call(x)] }
  else v
  end
end
messages.each do |sent, body|
  got, got_body = Timeout.timeout(20) { came.pop }
  want = sent.reject { |name, _| name == :persistent }
  want[:delivery_mode] = sent[:persistent] ? 2 : 1
  want[:content_type] ||= "application/octet-stream" # Bunny's own default
  is = got.to_hash
  is.delete(:priority) if want[:priority].nil? && is[:priority] == 0
  if got_body.b != body.b
    failed = true
    puts "the body #{body[0, 20].inspect} became #{got_body[0, 20].inspect}"
  end
  (want.keys | is.keys).each do |name|
    next if same.call(want[name]) == same.call(is[name])
    failed = true
    puts "#{name}: #{want[name].inspect} became #{is[name].inspect}"
  end
end
connection.close
exit(failed ? 1 : 0)
