package amqp_test

import (
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/broker"
)

// What is wrong with a URL is said, with what to write, and without the password.
func TestLookup(t *testing.T) {
	for raw, says := range map[string]string{
		"amqp://guest:guest@localhost:5672/":                         "",
		"amqps://u:se%23cret@host/vhost?heartbeat=5":                 "",
		"amqp://host?connection_timeout=500&heartbeat=10":            "",
		"amqps://host/?auth_mechanism=external&auth_mechanism=plain": "",
		"amqp://u:secret@host/?hearbeat=5":                           "did you mean heartbeat?",
		"amqp://u:secret@host/?HeartBeat=5":                          "did you mean heartbeat?",
		"amqp://u:secret@host/?conection_timeout=5":                  "did you mean connection_timeout?",
		"amqp://u:secret@host/?frame_max=5":                          "there are auth_mechanism, connection_timeout, heartbeat",
		"amqp://u:secret@host/?heartbeat=5s":                         "heartbeat is a number of seconds",
		"amqp://u:secret@host/?heartbeat=0":                          "heartbeat is a number of seconds",
		"amqp://u:secret@host/?auth_mechanism=magic":                 "plain or external",
		"amqps://u:secret@host/?cacertfile=ca.pem":                   "block tls",
		"amqp://u:secret@host/?a;b=%zz":                              "?name=value",
		"amqp://u:12#secret@host/":                                   "# is written %23",
		"amqp://u:secret#secret@host/":                               "# is written %23",
		"amqp://u:12?secret@host/":                                   "? is %3F",
		"amqp://u:12?secret=5@host/":                                 "? is %3F",
		"amqp://u:se?cret@host/":                                     "? is %3F",
		"amqp://u:12/secret@host/":                                   "/ is %2F",
		"amqp://u:se/cret@host/":                                     "/ is %2F",
		"amqp://u:se%cret@host/":                                     "% is %25",
		"amqp://u:secret@host:port/":                                 "",
		"amqp://u:secret@host:99999/":                                "port",
		"rabbitmq://u:secret@host/":                                  "RabbitMQ has amqp://",
		"rabbitmqs://host":                                           "RabbitMQ has amqps://",
		"localhost:5672":                                             "RabbitMQ there is amqp://localhost:5672",
		"localhost":                                                  "RabbitMQ there is amqp://localhost",
		"127.0.0.1:5672":                                             "RabbitMQ there is amqp://127.0.0.1:5672",
		"rabbit1.example.org:5672/shop":                              "RabbitMQ there is amqp://rabbit1.example.org:5672/shop",
		"[::1]:5672":                                                 "RabbitMQ there is amqp://[::1]:5672",
		"u:secret@host:5672":                                         "amqp://user:password@host",
		"kafka://host":                                               `no broker has the scheme "kafka"; there are amqp`,
		"":                                                           "it has no scheme",
	} {
		_, _, err := broker.Lookup(raw)
		switch {
		case raw == "amqp://u:secret@host:port/": // the password is well, and the port is not
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", raw, err)
			}
		case (err != nil) != (says != ""), err != nil && (!strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "cret@")):
			t.Errorf("%s: %v; it should say %q", raw, err, says)
		}
	}
}
