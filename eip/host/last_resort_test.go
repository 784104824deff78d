package host_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// A dead letter that is refused is kept in the data directory, whole; a file's
// position passes it. Where there is no room for it, the flow says that it does
// nothing more, until there is.
func TestProcess_LastResort(t *testing.T) {
	for name, full := range map[string]bool{"kept": false, "full": true} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var dead []string
			graves := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if len(body) > 100 {
					w.WriteHeader(http.StatusRequestEntityTooLarge)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				dead = append(dead, string(body))
			}))
			defer graves.Close()
			came := func() int {
				mu.Lock()
				defer mu.Unlock()
				return len(dead)
			}
			dir := t.TempDir()
			in, data := filepath.Join(dir, "in"), filepath.Join(dir, "data")
			poison := `{"a": ` + strings.Repeat("x", 200)
			if err := os.WriteFile(in, fmt.Appendf(nil, "{\"a\": 1}\n%s\n{\"a\": 2}\n", poison), 0o600); err != nil {
				t.Fatal(err)
			}
			ballast := filepath.Join(data, "refused", "ballast")
			if full {
				if err := os.MkdirAll(filepath.Dir(ballast), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(ballast, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(ballast, 1<<30); err != nil {
					t.Fatal(err)
				}
			}
			c := load(t, fmt.Sprintf(`
				adapter "file" "in" { path = %q }
				adapter "http" "graves" { url = %q }
				queue "out" {}
				flow "f" {
				  from        = adapter.in
				  dead_letter = adapter.graves
				  retry {
				    delay     = "10ms"
				    max_delay = "10ms"
				  }
				  filter { if = "body.a > 0" }
				  to = queue.out
				}`, in, graves.URL))
			options := host.Options{DataDir: data, OpenPositions: func(dir string) (host.PositionStore, error) { return embedded.OpenPositions(dir, nil) }}
			p, err := start(t.Context(), c, options)
			if err != nil {
				t.Fatal(err)
			}
			soon(t, "the flow is halted, or goes on", func() bool {
				state, why := stateOf(p, "f")
				return full && state == control.Refused && strings.Contains(why, "1GiB") || !full && came() == 1
			})
			if full {
				if err := os.Remove(ballast); err != nil {
					t.Fatal(err)
				}
			}
			soon(t, "all is settled", func() bool {
				s := p.Stats()[0]
				state, _ := stateOf(p, "f")
				return s.Sent == 2 && s.Invalid == 1 && state == control.Running
			})
			if err := p.Stop(); err != nil {
				t.Fatal(err)
			}
			if came() != 1 || dead[0] != "" {
				t.Errorf("dead letters are %q", dead)
			}
			files, err := os.ReadDir(filepath.Dir(ballast))
			if err != nil || len(files) != 1 {
				t.Fatalf("kept are %v, %v", files, err)
			}
			kept, err := os.ReadFile(filepath.Join(filepath.Dir(ballast), files[0].Name()))
			if err != nil {
				t.Fatal(err)
			}
			e, err := deadletter.ReadExport(kept)
			if err != nil {
				t.Fatalf("kept is %s, %v", kept, err)
			}
			m, err := e.Import()
			if err != nil || string(m.Body()) != poison || m.Headers["eip-reason"] != "invalid" || m.Headers["eip-flow"] != "f" {
				t.Errorf("kept is %s, %v", kept, err)
			}
			p, err = start(t.Context(), c, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.WaitIdle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s := p.Stats()[0]; s.Received != 0 {
				t.Errorf("%d messages come again", s.Received)
			}
			if err := p.Stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
