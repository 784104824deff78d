package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A Guard turns away what pages of other sites have a browser send. Clients that are
// no browser say nothing of an origin, and pass.
type Guard struct {
	loopback bool
	hosts    []string // those that are served besides a loopback's own; none: any, elsewhere
	origins  *http.CrossOriginProtection
	any      struct{ host, origin bool }
}

// Guard makes a guard for the server. On a loopback address only its own names and
// hosts are served, as a name that somebody else owns may lead there (DNS
// rebinding); elsewhere hosts, if there are any. Of other sites only the pages of
// origins may send. "*" is any.
func (s *Server) Guard(hosts, origins []string) (*Guard, error) {
	g := &Guard{origins: http.NewCrossOriginProtection()}
	if at, ok := s.listener.Addr().(*net.TCPAddr); ok && at.IP.IsLoopback() {
		g.loopback = true
		g.hosts = append(g.hosts, nameOf(s.address))
	}
	for _, h := range hosts {
		g.hosts = append(g.hosts, nameOf(h))
	}
	g.any.host = slices.Contains(hosts, "*") || len(g.hosts) == 0
	for _, o := range origins {
		if o == "*" {
			g.any.origin = true
		} else if err := g.origins.AddTrustedOrigin(o); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// CheckOrigin says what is wrong with an origin.
func CheckOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	return http.NewCrossOriginProtection().AddTrustedOrigin(origin)
}

// CheckHost says what is wrong with a host.
func CheckHost(host string) error {
	if host == "" || nameOf(host) != strings.ToLower(strings.Trim(host, "[]")) || strings.ContainsAny(host, "/@? ") {
		return fmt.Errorf("%q is no name of a host, as in \"shop.example\"", host)
	}
	return nil
}

// Refuses answers a request that is to be turned away. acts: a GET has effects too,
// which other sites' pages may not have on this machine; elsewhere they may link.
func (g *Guard) Refuses(w http.ResponseWriter, r *http.Request, acts bool) bool {
	asked := r
	if acts && g.loopback {
		asked = &http.Request{Method: http.MethodPost, Header: r.Header, Host: r.Host, URL: r.URL}
	}
	switch {
	case !g.serves(nameOf(r.Host)):
		Refuse(w, fmt.Sprintf("the host %.100q is not served here", r.Host), http.StatusMisdirectedRequest)
	case !g.any.origin && g.origins.Check(asked) != nil:
		Refuse(w, "requests of other sites' pages are not taken here", http.StatusForbidden)
	default:
		return false
	}
	return true
}

// Refuse answers without waiting for the rest of the request.
func Refuse(w http.ResponseWriter, why string, status int) {
	w.Header().Set("Connection", "close")
	http.Error(w, why, status)
}

func (g *Guard) serves(name string) bool {
	if g.any.host || slices.Contains(g.hosts, name) {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return g.loopback && (name == "" || name == "localhost" || err == nil && ip.Unmap().IsLoopback())
}

// nameOf is a host without its port.
func nameOf(host string) string {
	return strings.TrimSuffix(strings.ToLower((&url.URL{Host: host}).Hostname()), ".")
}
