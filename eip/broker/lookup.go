package broker

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Lookup parses a broker's URL and finds its transport. An error repeats nothing that
// may be a password.
func Lookup(raw string) (*url.URL, Transport, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, Transport{}, noURL(raw)
	}
	t, ok := Registry.New(u.Scheme)
	switch {
	case !ok:
		return nil, t, noScheme(raw, u)
	case cutShort(u):
		return nil, t, errSpecial
	case t.CheckURL != nil:
		err = t.CheckURL(u)
	}
	if t.CapabilitiesAt != nil {
		t.Capabilities = t.CapabilitiesAt(u)
	}
	return u, t, err
}

var errSpecial = errors.New("the URL ends in the midst of the user or the password: there # is written %23, / is %2F, ? is %3F, @ is %40 and % is %25")

// cutShort reports whether what is meant as a password has ended the host.
func cutShort(u *url.URL) bool {
	return u.Fragment != "" || strings.Contains(u.RawQuery, "@") || u.User == nil && strings.Contains(u.Path, "@")
}

var host = regexp.MustCompile(`^(localhost|[A-Za-z0-9-]+\.[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]|[A-Za-z0-9-]+:[0-9]+)(:[0-9]+)?(/[A-Za-z0-9._-]*)?$`)

// noURL says what is wrong with a text that is none.
func noURL(raw string) error {
	switch scheme, _, ok := strings.Cut(raw, "://"); {
	case host.MatchString(raw):
		return fmt.Errorf("it has no scheme; RabbitMQ there is amqp://%s", raw)
	case ok && strings.Contains(raw, "@") && isWord.MatchString(scheme):
		return errSpecial
	}
	return errors.New("this is no URL; a broker has one like embedded: or amqp://user:password@host:5672/vhost")
}

var isWord = regexp.MustCompile(`^[a-z][a-z0-9+-]*$`)

// noScheme says what to write instead of a scheme that there is not.
func noScheme(raw string, u *url.URL) error {
	names := Registry.Names()
	instead := ""
	switch u.Scheme {
	case "rabbitmq", "rabbit", "rmq", "amqp091":
		instead = "amqp"
	case "rabbitmqs", "amqp+ssl", "amqp+tls", "amqpssl":
		instead = "amqps"
	}
	switch {
	case instead != "" && slices.Contains(names, instead):
		return fmt.Errorf("no broker has the scheme %q; RabbitMQ has %s://", u.Scheme, instead)
	case host.MatchString(raw):
		return fmt.Errorf("it has no scheme; RabbitMQ there is amqp://%s", raw)
	case !strings.Contains(raw, "://") && strings.Contains(raw, "@"):
		return errors.New("it has no scheme; RabbitMQ has one like amqp://user:password@host:5672/vhost")
	case u.Scheme == "":
		return fmt.Errorf("it has no scheme; there are %s", strings.Join(names, ", "))
	}
	return fmt.Errorf("no broker has the scheme %q; there are %s", u.Scheme, strings.Join(names, ", "))
}
