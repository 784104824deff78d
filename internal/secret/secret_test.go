package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/secret"
)

func TestHide_Secrets(t *testing.T) {
	const key = "hunter-22 \"é%/+"
	quoted, _ := json.Marshal(key)
	var s secret.Set
	s.Add(key, "abc", "x", "line one is here\nline two is there\n", "0123456789abcdefGHIJKLMNOPQRSTUV")
	for in, want := range map[string]string{
		"the key " + key + " is wrong":             "the key (sensitive) is wrong",
		fmt.Sprintf("%q", key):                     `"(sensitive)"`,
		string(quoted):                             `"(sensitive)"`,
		"token=" + url.QueryEscape(key):            "token=(sensitive)",
		"/" + url.PathEscape(key):                  "/(sensitive)",
		"prefix" + key + "suffix":                  "prefix(sensitive)suffix",
		"line two is there":                        "(sensitive)",
		"answered: 0123456789abcdefGHIJ …":         "answered: (sensitive) …",
		"… 456789abcdefGHIJKLMNOPQRSTUV is no key": "… (sensitive) is no key",
		"abc":                          "(sensitive)",
		"wrong password abc, or 'abc'": "wrong password (sensitive), or '(sensitive)'",
		"abcd, xabc and abc_d":         "abcd, xabc and abc_d",
		"evaluate `body.k == 'x' && n > x`: an x": "evaluate `body.k == '(sensitive)' && n > (sensitive)`: an x",
		"default = x":                           "default = (sensitive)",
		`{"pin": x}, pin=x, "x", mix an x here`: `{"pin": (sensitive)}, pin=(sensitive), "(sensitive)", mix an x here`,
	} {
		if got := s.Hide(in); got != want {
			t.Errorf("Hide(%q)\n is %q\nwant %q", in, got, want)
		}
	}
}

func TestHide_URLs(t *testing.T) {
	var s secret.Set
	for in, want := range map[string]string{
		`Get "http://h:80/p?token=abc#f": dial tcp: refused`: `Get "http://h:80/p?…": dial tcp: refused`,
		"http://h/p#access=1":                                "http://h/p#…",
		"amqp://user:pass@h:5672/v":                          "amqp://user:xxxxx@h:5672/v",
		"amqp://user:p%40ss@h":                               "amqp://user:xxxxx@h",
		"amqp://user:p@ss@h":                                 "amqp://user:xxxxx@h",
		"amqp://user:p/s?s@h":                                "amqp://user:xxxxx@h",
		`parse "amqp://user:p s@h": no`:                      `parse "amqp://user:xxxxx@h": no`,
		"amqp://user:p's@h, amqps://b:c@d":                   "amqp://user:xxxxx@h, amqps://b:xxxxx@d",
		"https://token@h/p":                                  "https://xxxxx@h/p",
		"(http://h/?a=1), and more":                          "(http://h/?…), and more",
		"http://[::1]:80/@a":                                 "http://[::1]:80/@a",
		"amqp://user:xxxxx@h:5672/v":                         "amqp://user:xxxxx@h:5672/v",
		"amqps://…?auth_mechanism=external, as here":         "amqps://…?auth_mechanism=external, as here",
		"what? nothing://":                                   "what? nothing://",
	} {
		got := s.Hide(in)
		if got != want {
			t.Errorf("Hide(%q)\n is %q\nwant %q", in, got, want)
		}
		if again := s.Hide(got); again != got {
			t.Errorf("Hide(%q) is %q", got, again)
		}
	}
}

func TestLearn(t *testing.T) {
	for name, tt := range map[string]struct{ name, text, says, want string }{
		"by its name":            {"DB_PASSWORD", "swordfish", "is it swordfish?", "is it (sensitive)?"},
		"a scheme and a token":   {"Authorization", "Bearer abcdef", "abcdef is old", "(sensitive) is old"},
		"not by its name":        {"TOKEN_URL", "orders", "orders", "orders"},
		"no secret":              {"use_secret", "true", "true", "true"},
		"a URL's password":       {"url", "amqp://joe:sword%66ish@h", "swordfish", "(sensitive)"},
		"a URL's login":          {"url", "http://joe:swordfish@h", "Basic am9lOnN3b3JkZmlzaA==", "Basic (sensitive)"},
		"a well-known password":  {"url", "amqp://guest:guest@h", "the user guest", "the user guest"},
		"a URL's query":          {"url", "http://h/?api_key=swordfish&page=orders", "swordfish, orders", "(sensitive), orders"},
		"of several, the second": {"urls", "amqp://a:one1@h amqp://b:two2@h", "two2", "(sensitive)"},
	} {
		var s secret.Set
		s.Learn(tt.name, tt.text)
		if got := s.Hide(tt.says); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestError_KeepsItsKind(t *testing.T) {
	var s secret.Set
	s.Add("swordfish")
	err := s.Error(fmt.Errorf("swordfish: %w", io.EOF))
	if err.Error() != "(sensitive): EOF" || !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if err := s.Error(io.EOF); err != io.EOF || s.Error(nil) != nil {
		t.Errorf("%v", err)
	}
}

type shy struct{}

func (shy) LogValue() slog.Value { return slog.StringValue("swordfish") }

func TestLog_HidesWhateverIsLogged(t *testing.T) {
	for name, log := range map[string]func(*slog.Logger){
		"message": func(l *slog.Logger) { l.Info("swordfish") },
		"string":  func(l *slog.Logger) { l.Info("m", "a", "swordfish") },
		"error":   func(l *slog.Logger) { l.Info("m", "a", errors.New("swordfish")) },
		"bytes":   func(l *slog.Logger) { l.Info("m", "a", []byte("swordfish")) },
		"list":    func(l *slog.Logger) { l.Info("m", "a", []string{"swordfish"}) },
		"map":     func(l *slog.Logger) { l.Info("m", "a", map[string]any{"k": []any{"swordfish"}}) },
		"struct":  func(l *slog.Logger) { l.Info("m", "a", struct{ B string }{"swordfish"}) },
		"valuer":  func(l *slog.Logger) { l.Info("m", "a", shy{}) },
		"group":   func(l *slog.Logger) { l.Info("m", slog.Group("g", "a", "swordfish")) },
		"with":    func(l *slog.Logger) { l.With("a", "swordfish").WithGroup("g").Info("m", "b", "swordfish") },
	} {
		t.Run(name, func(t *testing.T) {
			var s secret.Set
			s.Add("swordfish")
			for _, h := range []func(io.Writer) slog.Handler{
				func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
				func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
			} {
				var out bytes.Buffer
				log(s.Log(slog.New(h(&out))))
				if strings.Contains(out.String(), "fish") || !strings.Contains(out.String(), secret.Mask) {
					t.Errorf("%s", out.String())
				}
			}
		})
	}
}
