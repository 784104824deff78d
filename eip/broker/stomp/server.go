package stomp

import (
	"net/url"
	"strings"

	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// server is which server it is, as far as that makes a difference.
type server string

const (
	activemq server = "activemq" // ActiveMQ "Classic"
	artemis  server = "artemis"
	rabbitmq server = "rabbitmq" // its STOMP plugin
	unknown  server = ""
)

// serverOf is what the URL says, or else what the server calls itself.
func serverOf(u *url.URL, name string) server {
	if s := server(u.Query().Get("server")); s != "" {
		return s
	}
	switch {
	case strings.HasPrefix(name, "ActiveMQ-Artemis"):
		return artemis
	case strings.HasPrefix(name, "ActiveMQ"):
		return activemq
	case strings.HasPrefix(name, "RabbitMQ"):
		return rabbitmq
	}
	return unknown
}

// selects reports whether it has selectors. Others ignore one, and give all.
func (s server) selects() bool { return s == activemq || s == artemis }

// vhost is RabbitMQ's virtual host; other servers take any.
func vhost(u *url.URL) string {
	if v := u.Query().Get("vhost"); v != "" {
		return v
	}
	return "/"
}

var parameters = map[string]remote.Parameter{
	"heartbeat":          {Is: "a number of seconds from 1 to 65535", Good: remote.Whole(65535)},
	"connection_timeout": {Is: "a number of milliseconds", Good: remote.Whole(1<<31 - 1)},
	"vhost":              {Is: "the name of a virtual host of RabbitMQ", Good: func(v string) bool { return v != "" }},
	"server": {Is: "activemq, artemis or rabbitmq", Good: func(v string) bool {
		return server(v) == activemq || server(v) == artemis || server(v) == rabbitmq
	}},
}

func checkURL(u *url.URL) error { return remote.CheckURL(u, parameters) }
