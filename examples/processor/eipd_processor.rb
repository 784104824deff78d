# Workers of eipd's stage processor: Eipd.run { |message| message["body"].upcase }
require "json"

module Eipd
  Invalid = Class.new(StandardError)   # the message cannot be read: it goes to the invalid messages
  Permanent = Class.new(StandardError) # trying again cannot mend it: the message becomes a dead letter
  Answer = Class.new(Hash)             # all that an answer may say: Answer[body: …, headers: {…}, send: […], drop: true]

  # Has the block make the new body of each message; nil leaves it as it was.
  def self.run
    out, $stdout = $stdout, $stderr # what the block prints is no answer
    $stdin.set_encoding("UTF-8")
    $stdin.each_line do |line|
      message = JSON.parse(line, max_nesting: false)
      message["body"] = message["body_base64"].unpack1("m") if message.key?("body_base64")
      begin
        made = yield message
        answer = made.is_a?(Answer) ? made : made.nil? ? {} : { body: made }
        reply = JSON.generate({ **answer, id: message["id"], ok: true })
      rescue StandardError => e
        kind = { Invalid => :invalid, Permanent => :permanent }.fetch(e.class, :error)
        warn e.full_message(highlight: false) if kind == :error
        reply = JSON.generate({ id: message["id"], kind => e.message.scrub })
      end
      out.puts(reply)
      out.flush
    end
  end
end
