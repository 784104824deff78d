# Sends messages of every kind to one queue, and checks that they come from another as
# they were. Needs ruby-stomp.
require "stomp"
require "timeout"

url, n = ARGV
client = Stomp::Client.open(hosts: [{ login: url[%r{//([^:]+):}, 1], passcode: url[/:([^:@]+)@/, 1], host: "127.0.0.1", port: url[/:(\d+)$/, 1].to_i }],
                            connect_headers: { "accept-version" => "1.2", "host" => "/" }, reliable: false)
messages = [
  ["plain", {}],
  ["", { "content-type" => "text/plain" }],
  ["nul \0 inside, and ü", { "content-type" => "application/octet-stream", "colon:in:name" => "a:b c", "lines" => "one\ntwo\r" }],
  ["x" * 200_000, { "correlation-id" => "c1", "type" => "order", "app" => "ruby" }],
]
got = Queue.new
client.subscribe("/queue/#{n}.out", ack: "client-individual", id: "s") do |m|
  got << m
  client.acknowledge(m)
end
messages.each { |body, headers| client.publish("/queue/#{n}.in", body, headers.merge("persistent" => "true")) }
messages.each do |body, headers|
  m = Timeout.timeout(60) { got.pop }
  abort "body #{m.body[0, 40].inspect}, want #{body[0, 40].inspect}" unless m.body.b == body.b
  headers.each { |k, v| abort "#{k} is #{m.headers[k].inspect}, want #{v.inspect}" unless m.headers[k] == v }
end
puts "#{messages.size} came as they were"
begin
  client.close
rescue SystemCallError
  # The server was faster.
end
