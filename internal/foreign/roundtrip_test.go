package foreign

import (
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/rabbit"
)

// Every property and every header type that pika sends, pika gets.
func TestPika(t *testing.T) {
	rabbit.Require(t, python, pika)
	t.Log(output(t, client(t, python, "testdata/roundtrip.py", run(t, "pika"))))
}

func TestBunny(t *testing.T) {
	rabbit.Require(t, ruby, bunny)
	t.Log(output(t, client(t, ruby, "testdata/roundtrip.rb", run(t, "bunny"))))
}

func TestTools(t *testing.T) {
	rabbit.Require(t, tools)
	url := run(t, "tools")
	const body = "{\"text\": \"Grüße\"}\t \x01"
	output(t, client(t, "amqp-publish", "-u", url, "-r", "in", "-p", "-C", "application/json", "-H", "region: eu", "-b", body))
	if got := output(t, client(t, "amqp-consume", "-u", url, "-q", "out", "-c", "1", "cat")); got != body {
		t.Errorf("%q became %q", body, got)
	}
}

// What a topic's subscription selects comes by the key that the client gave.
func TestTools_Topic(t *testing.T) {
	rabbit.Require(t, tools)
	url := run(t, "topics")
	for key, body := range map[string]string{"politics.eu": "no", "sport.tennis.eu": "yes", "sports": "no"} {
		output(t, client(t, "amqp-publish", "-u", url, "-e", "news", "-r", key, "-b", body))
	}
	output(t, client(t, "amqp-publish", "-u", url, "-e", "news", "-r", "sport", "-b", "last"))
	var got []string
	for range 2 {
		got = append(got, output(t, client(t, "amqp-consume", "-u", url, "-q", "sport", "-c", "1", "cat")))
	}
	if strings.Join(got, " ") != "yes last" {
		t.Errorf("of the news it got %q", got)
	}
}
