# Sends clicks to ActiveMQ's virtual topic, those of a session as one message group. Needs
# ruby-stomp.
require "stomp"
require "json"

client = Stomp::Client.open(ARGV.fetch(0, "stomp://foo:bar@127.0.0.1:61613"))
Integer(ARGV.fetch(1, "10")).times do |n|
  click = { n: n, session: "s#{n % 3}", page: "/#{n}", latency: 10 + n, status: n % 5 == 4 ? 500 : 200 }
  client.publish("/topic/VirtualTopic.myapp.clicks", JSON.generate(click), "persistent" => "true",
                 "content-type" => "application/json", "JMSXGroupID" => click[:session])
end
client.close
