package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/internal/web"
)

func TestGuard(t *testing.T) {
	const here, all = "127.0.0.1:0", "0.0.0.0:0"
	for name, tt := range map[string]struct {
		listen         string
		hosts, origins []string
		acts           bool
		request        string // METHOD HOST, then headers
		status         int
	}{
		"localhost":                  {listen: here, request: "POST localhost", status: 200},
		"LOCALHOST.":                 {listen: here, request: "POST LOCALHOST.", status: 200},
		"with a port":                {listen: here, request: "POST localhost:8088", status: 200},
		"the address":                {listen: here, request: "POST 127.0.0.1:1", status: 200},
		"another loopback":           {listen: here, request: "POST 127.1.2.3", status: 200},
		"IPv6":                       {listen: here, request: "POST [::1]:8088", status: 200},
		"IPv4 in IPv6":               {listen: here, request: "POST [::ffff:127.0.0.1]", status: 200},
		"no host":                    {listen: here, request: "POST ", status: 200},
		"rebound":                    {listen: here, request: "POST evil.example:8088", status: 421},
		"rebound GET":                {listen: here, request: "GET evil.example", status: 421},
		"looks like it":              {listen: here, request: "POST localhost.evil.example", status: 421},
		"looks like it too":          {listen: here, request: "POST 127.0.0.1.evil.example", status: 421},
		"ends like it":               {listen: here, request: "POST evil-localhost", status: 421},
		"no port":                    {listen: here, request: "POST localhost:evil.example", status: 421},
		"a user":                     {listen: here, request: "POST localhost@evil.example", status: 400},
		"all addresses":              {listen: here, request: "POST 0.0.0.0:8088", status: 421},
		"another address":            {listen: here, request: "POST 192.168.0.1", status: 421},
		"a host that is meant":       {listen: here, hosts: []string{"Shop.example"}, request: "POST shop.example:80", status: 200},
		"beside it":                  {listen: here, hosts: []string{"shop.example"}, request: "POST a.shop.example", status: 421},
		"its own beside it":          {listen: here, hosts: []string{"shop.example"}, request: "POST localhost", status: 200},
		"any host":                   {listen: here, hosts: []string{"*"}, request: "POST evil.example", status: 200},
		"listens everywhere":         {listen: all, request: "POST evil.example", status: 200},
		"everywhere, some hosts":     {listen: all, hosts: []string{"shop.example"}, request: "POST evil.example", status: 421},
		"everywhere, its host":       {listen: all, hosts: []string{"shop.example"}, request: "POST shop.example", status: 200},
		"everywhere, no loopback":    {listen: all, hosts: []string{"shop.example"}, request: "POST localhost", status: 421},
		"same origin":                {listen: here, request: "POST localhost:1\r\nOrigin: http://localhost:1", status: 200},
		"says same origin":           {listen: here, request: "POST localhost\r\nSec-Fetch-Site: same-origin", status: 200},
		"typed by the user":          {listen: here, request: "GET localhost\r\nSec-Fetch-Site: none", status: 200},
		"other origin":               {listen: here, request: "POST localhost\r\nOrigin: https://evil.example", status: 403},
		"other port":                 {listen: here, request: "POST localhost:1\r\nOrigin: http://localhost:2", status: 403},
		"no origin":                  {listen: here, request: "POST localhost\r\nOrigin: null", status: 403},
		"cross-site":                 {listen: here, request: "POST localhost\r\nSec-Fetch-Site: cross-site", status: 403},
		"same site":                  {listen: here, request: "PUT localhost\r\nSec-Fetch-Site: same-site", status: 403},
		"everywhere, cross-site":     {listen: all, request: "POST a\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://evil.example", status: 403},
		"everywhere, other origin":   {listen: all, request: "DELETE a\r\nOrigin: https://evil.example", status: 403},
		"an origin that is meant":    {listen: all, origins: []string{"https://shop.example"}, request: "POST a\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://shop.example", status: 200},
		"not quite it":               {listen: all, origins: []string{"https://shop.example"}, request: "POST a\r\nOrigin: http://shop.example", status: 403},
		"any origin":                 {listen: all, origins: []string{"*"}, request: "POST a\r\nOrigin: https://evil.example", status: 200},
		"any origin, rebound":        {listen: here, origins: []string{"*"}, request: "POST evil.example", status: 421},
		"a link":                     {listen: here, request: "GET localhost\r\nSec-Fetch-Site: cross-site", status: 200},
		"a link that acts":           {listen: here, acts: true, request: "GET localhost\r\nSec-Fetch-Site: cross-site", status: 403},
		"an image that acts":         {listen: here, acts: true, request: "GET localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: image", status: 403},
		"acts, no browser":           {listen: here, acts: true, request: "GET localhost", status: 200},
		"a link that acts elsewhere": {listen: all, acts: true, request: "GET a\r\nSec-Fetch-Site: cross-site", status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := web.Listen(tt.listen, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			g, err := s.Guard(tt.hosts, tt.origins)
			if err != nil {
				t.Fatal(err)
			}
			s.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Refuses(w, r, tt.acts) }))
			defer s.Close(context.WithoutCancel(t.Context()))
			_, port, _ := net.SplitHostPort(s.Address())
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			method, host, _ := strings.Cut(tt.request, " ")
			fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, host)
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != tt.status || (len(body) > 0) != (tt.status != 200) {
				t.Errorf("answered %d %q, want %d", response.StatusCode, body, tt.status)
			}
		})
	}
}

func TestChecks(t *testing.T) {
	for host, ok := range map[string]bool{"shop.example": true, "*": true, "10.0.0.1": true, "[2001:db8::1]": true, "localhost": true,
		"": false, "shop.example:80": false, "http://shop.example": false, "shop.example/": false, "a b": false, "2001:db8::1": false} {
		if err := web.CheckHost(host); (err == nil) != ok {
			t.Errorf("host %q: %v", host, err)
		}
	}
	for origin, ok := range map[string]bool{"https://shop.example": true, "http://localhost:3000": true, "*": true,
		"": false, "shop.example": false, "https://shop.example/": false, "https://shop.example/a": false, "null": false} {
		if err := web.CheckOrigin(origin); (err == nil) != ok {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
}
