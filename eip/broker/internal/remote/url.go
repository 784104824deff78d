package remote

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/eipd/eipd/internal/secret"
)

// Redact shows a URL without what may be secret in it.
func Redact(raw string) string { return new(secret.Set).Hide(raw) }

// Heartbeat is what the URL says in seconds, as it does for other clients.
func Heartbeat(raw string) time.Duration {
	if u, err := url.Parse(raw); err == nil {
		if n, err := strconv.ParseUint(u.Query().Get("heartbeat"), 10, 16); err == nil && n > 0 {
			return time.Duration(n) * time.Second
		}
	}
	return 5 * time.Second
}

// A Parameter is what may stand in a URL behind the question mark.
type Parameter struct {
	Is   string // what its values are
	Good func(string) bool
}

// Whole is a number from 1 on.
func Whole(most uint64) func(string) bool {
	return func(v string) bool {
		n, err := strconv.ParseUint(v, 10, 64)
		return err == nil && n > 0 && n <= most
	}
}

// certificates are parameters of other clients.
var certificates = []string{"cacertfile", "certfile", "keyfile", "server_name_indication", "verify", "password"}

// CheckURL refuses what would be overlooked.
func CheckURL(u *url.URL, parameters map[string]Parameter) error {
	if strings.ContainsAny(u.String(), " ") {
		return errors.New("the URL has a blank in it")
	}
	if port := u.Port(); port != "" && !Whole(65535)(port) {
		return errors.New("the port is no number from 1 to 65535")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("what stands behind the ? cannot be read; write it as ?name=value&name=value")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p, ok := parameters[name]
		switch {
		case slices.Contains(certificates, name):
			return fmt.Errorf("eipd reads no parameter %s: certificates are named in the block tls of a broker", name)
		case !ok:
			return fmt.Errorf("there is no parameter %s", nearest(name, slices.Sorted(maps.Keys(parameters))))
		case !slices.ContainsFunc(query[name], p.Good):
			return fmt.Errorf("the parameter %s is %s", name, p.Is)
		}
	}
	return nil
}

// nearest names a parameter only where it is surely meant as one.
func nearest(name string, names []string) string {
	for _, n := range names {
		if levenshtein.Distance(strings.ToLower(name), n, nil) <= 3 {
			return fmt.Sprintf("%.40q; did you mean %s?", name, n)
		}
	}
	return "like this; there are " + strings.Join(names, ", ")
}
