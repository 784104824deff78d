package http_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	httpadapter "github.com/eipd/eipd/eip/adapter/http"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

func text(s string) eip.Text {
	return func(context.Context, *eip.Message) (string, error) { return s, nil }
}

func value(v any) eip.Value {
	return func(context.Context, *eip.Message) (any, error) { return v, nil }
}

func TestHTTP_PerMessage(t *testing.T) {
	var got *http.Request
	shop := sendTo(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })).URL
	host := strings.TrimPrefix(shop, "http://")
	for name, tt := range map[string]struct {
		per  httpadapter.PerMessage
		want string // METHOD PATH X-A; "" where the message is invalid
	}{
		"nothing":              {httpadapter.PerMessage{}, "POST / "},
		"method":               {httpadapter.PerMessage{Method: text("DELETE")}, "DELETE / "},
		"no method":            {httpadapter.PerMessage{Method: text("")}, ""},
		"small":                {httpadapter.PerMessage{Method: text("get")}, ""},
		"forged method":        {httpadapter.PerMessage{Method: text("GET / HTTP/1.1\r\nX: ")}, ""},
		"url":                  {httpadapter.PerMessage{URL: text(shop + "/orders/7?a=b#c"), Allow: []string{host}}, "POST /orders/7?a=b "},
		"url, by its scheme":   {httpadapter.PerMessage{URL: text(shop + "/x"), Allow: []string{"other.example", "http://" + host}}, "POST /x "},
		"another scheme":       {httpadapter.PerMessage{URL: text(shop + "/x"), Allow: []string{"https://" + host}}, ""},
		"another host":         {httpadapter.PerMessage{URL: text("http://evil.example/"), Allow: []string{host}}, ""},
		"another port":         {httpadapter.PerMessage{URL: text("http://127.0.0.1:1/"), Allow: []string{host}}, ""},
		"no port":              {httpadapter.PerMessage{URL: text("http://127.0.0.1/"), Allow: []string{host}}, ""},
		"credentials":          {httpadapter.PerMessage{URL: text("http://a:b@" + host), Allow: []string{host}}, ""},
		"looks like it":        {httpadapter.PerMessage{URL: text("http://" + host + "@evil.example/"), Allow: []string{host}}, ""},
		"begins like it":       {httpadapter.PerMessage{URL: text("http://127.0.0.1.evil.example/"), Allow: []string{"127.0.0.1"}}, ""},
		"a backslash":          {httpadapter.PerMessage{URL: text(`http://evil.example\@` + host), Allow: []string{host}}, ""},
		"a line break":         {httpadapter.PerMessage{URL: text(shop + "/\r\nX: y"), Allow: []string{host}}, ""},
		"a path only":          {httpadapter.PerMessage{URL: text("/orders"), Allow: []string{host}}, ""},
		"no slashes":           {httpadapter.PerMessage{URL: text("http:" + host), Allow: []string{host}}, ""},
		"of another scheme":    {httpadapter.PerMessage{URL: text("file://" + host + "/etc/passwd"), Allow: []string{host}}, ""},
		"no URL":               {httpadapter.PerMessage{URL: text(""), Allow: []string{host}}, ""},
		"header":               {httpadapter.PerMessage{Headers: map[string]eip.Value{"x-a": value("b")}}, "POST / b"},
		"number":               {httpadapter.PerMessage{Headers: map[string]eip.Value{"X-A": value(7)}}, "POST / 7"},
		"bytes":                {httpadapter.PerMessage{Headers: map[string]eip.Value{"X-A": value([]byte("b"))}}, "POST / b"},
		"nil":                  {httpadapter.PerMessage{Headers: map[string]eip.Value{"X-A": value(nil)}}, "POST / "},
		"list":                 {httpadapter.PerMessage{Headers: map[string]eip.Value{"X-A": value([]any{1})}}, ""},
		"forged header":        {httpadapter.PerMessage{Headers: map[string]eip.Value{"X-A": value("b\r\nX-B: c")}}, ""},
		"expression fails":     {httpadapter.PerMessage{Headers: map[string]eip.Value{"X-A": func(context.Context, *eip.Message) (any, error) { return nil, eip.Invalid(errors.New("no")) }}}, ""},
		"the author's headers": {httpadapter.PerMessage{Headers: map[string]eip.Value{"X-Own": value("forged"), "X-A": value("b")}}, "POST / b"},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			a := httpadapter.New()
			a.PerMessage, a.Headers = &tt.per, map[string]string{"X-Own": "own"}
			if tt.per.URL == nil {
				a.URL = shop
			}
			if err := errors.Join(tt.per.Validate(), a.Validate(), a.CheckSink()); err != nil {
				t.Fatal(err)
			}
			s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
			defer adaptertest.Close(t, s)
			err := adaptertest.Send(t, s, eiptest.Message("x"))
			if tt.want == "" {
				if !eip.IsInvalid(err) || got != nil {
					t.Errorf("settled with %v, requested %v", err, got)
				}
				return
			}
			if err != nil || fmt.Sprint(got.Method, " ", got.URL, " ", got.Header.Get("X-A")) != tt.want || got.Header.Get("X-Own") != "own" {
				t.Errorf("settled with %v, requested %+v", err, got)
			}
		})
	}
}

func TestHTTP_PerMessageValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		per    httpadapter.PerMessage
		blames string
	}{
		"nothing":      {httpadapter.PerMessage{}, ""},
		"hosts":        {httpadapter.PerMessage{URL: text(""), Allow: []string{"shop.example", "10.0.0.1:80", "[::1]:80", "https://shop.example", "http://a:1"}}, ""},
		"no allow":     {httpadapter.PerMessage{URL: text("")}, "allow"},
		"no url":       {httpadapter.PerMessage{Allow: []string{"a"}}, "allow"},
		"a path":       {httpadapter.PerMessage{URL: text(""), Allow: []string{"https://a/b"}}, "allow"},
		"a user":       {httpadapter.PerMessage{URL: text(""), Allow: []string{"u@a"}}, "allow"},
		"a scheme":     {httpadapter.PerMessage{URL: text(""), Allow: []string{"ftp://a"}}, "allow"},
		"empty":        {httpadapter.PerMessage{URL: text(""), Allow: []string{""}}, "allow"},
		"scheme only":  {httpadapter.PerMessage{URL: text(""), Allow: []string{"https://"}}, "allow"},
		"the host":     {httpadapter.PerMessage{Headers: map[string]eip.Value{"host": value("a")}}, "headers"},
		"no name":      {httpadapter.PerMessage{Headers: map[string]eip.Value{"": value("a")}}, "headers"},
		"name, broken": {httpadapter.PerMessage{Headers: map[string]eip.Value{"a\r\nb": value("a")}}, "headers"},
	} {
		if got := adaptertest.Blames(tt.per.Validate()); got != tt.blames {
			t.Errorf("%s: blames %q, want %q", name, got, tt.blames)
		}
	}
}
