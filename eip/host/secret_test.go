package host_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/stats"

	_ "github.com/eipd/eipd/eip/adapter/all"
	_ "github.com/eipd/eipd/eip/routing"
)

// witness is a dead-letter adapter and a tracer: all that it hears goes to heard.
type witness struct{ overheard *overheard }

type overheard struct {
	mu   sync.Mutex
	text strings.Builder
	dead chan struct{}
}

func (s *overheard) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(text + "\n")
}

func (s *overheard) Write(p []byte) (int, error) {
	s.say(string(p))
	return len(p), nil
}

func (s *overheard) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

var witnessed *overheard // by the adapters that are made

func init() {
	adapter.Add("witness", func() any { return &witness{witnessed} })
	adapter.Add("once", func() any { return &once{} })
}

func (w *witness) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) { return w, nil }
func (w *witness) Close() error                                                 { return nil }
func (w *witness) Handle(_ context.Context, m *eip.Message) error {
	w.overheard.say(fmt.Sprint("dead letter ", m.Headers))
	close(w.overheard.dead)
	return nil
}

// once gives one message.
type once struct{}

func (*once) OpenSource(context.Context, *adapter.Env) (adapter.Source, error) {
	return &onceSource{}, nil
}

type onceSource struct{ given bool }

func (s *onceSource) Close() error { return nil }
func (s *onceSource) Receive(ctx context.Context) (*eip.Message, error) {
	if s.given {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.given = true
	return eip.New([]byte(`{"n": 1}`), nil), nil
}

type spans struct{ *overheard }

func (s spans) Receive(*eip.Message) eip.Span                        { return s }
func (s spans) Stage(string, *eip.Message) eip.Span                  { return s }
func (s spans) Send(eip.Place, *eip.Message) (eip.Span, eip.Headers) { return s, nil }
func (s spans) Retry(_ int, err error)                               { s.say(fmt.Sprint("span ", err)) }
func (s spans) Settled(_ stats.Outcome, err error)                   { s.say(fmt.Sprint("span ", err)) }
func (s spans) End(err error)                                        { s.say(fmt.Sprint("span ", err)) }

func variable(value string) string {
	return "variable \"pw\" {\n sensitive = true\n default = " + value + "\n}\n"
}

// What fails with a secret in its error says it nowhere: in no log, trace or dead
// letter.
func TestSecrets_AreInNoError(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.Error(w, fmt.Sprintf("wrong: %s %s %s", r.URL.RawQuery, r.Header.Get("Authorization"), body), http.StatusBadRequest)
	}))
	defer echo.Close()
	t.Setenv("CARD_PASSWORD", "swordfish")
	sink := func(options string) string { return "adapter \"http\" \"out\" {\n" + options + "\n}\n" }
	const away = "http://127.0.0.1:1/hook"
	for name, tt := range map[string]struct{ head, stage, secret string }{
		"a query":                    {sink(`url = "` + away + `?t=${env("CARD_PASSWORD")}"`), "", "swordfish"},
		"a query that is no secret":  {sink(`url = "` + away + `?token=abcxyz"`), "", "abcxyz"},
		"a password in a URL":        {sink(`url = "http://joe:sword%66ish@127.0.0.1:1/"`), "", "fish"},
		"a token before a host":      {sink(`url = "http://swordfish@127.0.0.1:1/"`), "", "fish"},
		"a header that comes back":   {sink("url = \"" + echo.URL + "\"\n headers = { Authorization = \"Bearer swordfish\" }"), "", "swordfish"},
		"a query that comes back":    {sink("url = \"" + echo.URL + "?api_key=swordfish\""), "", "swordfish"},
		"quoted by who answers":      {variable(`"say \"hi\""`) + sink("url = \""+echo.URL+"\"\n headers = { X-Pin = var.pw, Authorization = var.pw }"), "", `hi`},
		"what a program says":        {"", `exec { command = ["sh", "-c", "echo wrong: $CARD_PASSWORD >&2; exit 1"] }` + "\n log { message = \"'${env(\"CARD_PASSWORD\")}'\" }", "swordfish"},
		"cut off by a program's end": {"", `exec { command = ["sh", "-c", "printf '%s%01018d' $CARD_PASSWORD 0 >&2; exit 1"] }` + "\n log { message = \"'${env(\"CARD_PASSWORD\")}'\" }", "rdfish"},
		"an expression":              {variable(`"hunter22"`), `filter { if = "body.n.x == '${var.pw}'" }`, "hunter"},
		"three letters":              {variable(`"abc"`), `filter { if = "body.n.x == 'abc' or body.n.x == '${var.pw}'" }`, "abc"},
		"one letter":                 {variable(`"q"`), `filter { if = "body.n.x == '${var.pw}'" }`, "q'"},
		"a number":                   {variable(`7391`), `filter { if = "body.n.x == ${var.pw}" }`, "7391"},
		"a number of one digit":      {variable(`7`), `filter { if = "body.n.x == ${var.pw}" }`, "== 7"},
		"a list":                     {variable(`["hunter22"]`), `filter { if = "body.n.x == '${var.pw[0]}'" }`, "hunter"},
		"a variable by its name":     {"variable \"db_password\" {\n default = \"hunter22\"\n}\n", `filter { if = "body.n.x == '${var.db_password}'" }`, "hunter"},
		"a template":                 {variable(`"hunter22"`), `filter { if = "body.n.x == '${upper(var.pw)}'" }`, "HUNTER"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &overheard{dead: make(chan struct{})}
			witnessed = s
			to := "adapter.out"
			if !strings.Contains(tt.head, `"out"`) {
				tt.head += "adapter \"witness\" \"out\" {}\n"
			}
			c := load(t, fmt.Sprintf(`
adapter "once" "in" {}
adapter "witness" "dead" {}
%s
flow "f" {
  from = adapter.in
  %s
  to = %s
  retry {
    attempts = 2
    delay    = "1ms"
  }
  dead_letter     = adapter.dead
  invalid_message = adapter.dead
}
`, tt.head, tt.stage, to))
			p, err := start(t.Context(), c, host.Options{DataDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(s, nil)),
				Tracer: func(string, map[string]eip.Place) eip.Tracer { return spans{s} }})
			if err != nil {
				t.Fatal(err)
			}
			<-s.dead
			if err := p.Stop(); err != nil {
				t.Error(err)
			}
			if all := s.all(); strings.Contains(all, tt.secret) || !strings.Contains(all, header.Error) || !strings.Contains(all, "msg=\"message failed for good\"") {
				t.Errorf("it says %s in:\n%s", tt.secret, all)
			}
		})
	}
}
