# Says that the machine database has changed. Needs ruby-stomp.
require "stomp"

client = Stomp::Client.open(ARGV.fetch(0, "stomp://127.0.0.1:61613"))
client.publish("/topic/dhcp", "UPDATED", "persistent" => "true") { client.close }
client.join
