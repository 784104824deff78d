package amqp

import (
	"net/url"

	"github.com/eipd/eipd/eip/broker/internal/remote"
)

var parameters = map[string]remote.Parameter{
	"heartbeat":          {Is: "a number of seconds from 1 to 65535", Good: remote.Whole(65535)},
	"connection_timeout": {Is: "a number of milliseconds", Good: remote.Whole(1<<31 - 1)},
	"auth_mechanism":     {Is: "plain or external", Good: func(v string) bool { return v == "plain" || v == "external" }},
}

func checkURL(u *url.URL) error { return remote.CheckURL(u, parameters) }
