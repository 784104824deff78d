# A worker: does what comes from the topic, and reports to where the job says, or to the
# queue of replies. Needs ruby-stomp.
#
#   ruby worker.rb w1 stomp://foo:bar@127.0.0.1:61613
require "stomp"

name, url, manner = ARGV
client = Stomp::Client.open(url)
client.subscribe("/topic/myapp.work") do |job|
  report = { "request_id" => job.headers["request_id"], "worker" => name, "content-type" => "text/plain", "persistent" => "true" }
  next if manner == "silent"

  (manner == "double" ? 2 : 1).times do
    client.publish(job.headers["reply-to"] || "/queue/myapp.reply", "#{name} did #{job.body}", report)
  end
end
puts "ready"
$stdout.flush
client.join
