package http_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// A resource is what a source asks for.
type resource struct {
	mu         sync.Mutex
	body, etag string
	modified   time.Time
	status     int
	asked      int
	key        string
	wait       chan struct{} // told of each request
}

func (r *resource) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	r.key = request.Header.Get("X-Key")
	select {
	case r.wait <- struct{}{}:
	default:
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	if r.etag != "" {
		w.Header().Set("ETag", r.etag)
	}
	http.ServeContent(w, request, "a.json", r.modified, strings.NewReader(r.body)) // heeds what was asked
}

func (r *resource) set(change func(*resource)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

// asks waits until the resource was asked n times more.
func (r *resource) asks(n int) {
	for range n {
		<-r.wait
	}
}

func (r *resource) open(t *testing.T, env *adapter.Env) adapter.Source {
	a := sendTo(t, r)
	a.Every, a.MaxBody, a.Headers = time.Millisecond, 100, map[string]string{"X-Key": "k"}
	if err := errors.Join(a.Validate(), a.CheckSource()); err != nil {
		t.Fatal(err)
	}
	return adaptertest.OpenSource(t, a, env)
}

func TestHTTP_Poll(t *testing.T) {
	for name, setVersion := range map[string]func(*resource, string){
		"ETag":          func(r *resource, v string) { r.etag, r.body = `"`+v+`"`, v },
		"Last-Modified": func(r *resource, v string) { r.modified, r.body = time.Unix(1_700_000_000+int64(v[0]), 0), v },
	} {
		t.Run(name, func(t *testing.T) {
			r := &resource{wait: make(chan struct{}, 1)}
			setVersion(r, "1")
			s := r.open(t, eiptest.AdapterEnv())
			defer adaptertest.Close(t, s)
			m := adaptertest.Expect(t, s, "1")[0]
			if m.ContentType != "application/json" || m.ID == "" || m.Channel == "" || r.key != "k" {
				t.Errorf("the message is %+v", m)
			}
			got := make(chan []string)
			go func() { got <- adaptertest.Bodies(adaptertest.Receive(t, s, 2)) }()
			r.asks(10) // and nothing comes
			r.set(func(r *resource) { setVersion(r, "2") })
			r.asks(10)
			r.set(func(r *resource) { r.status = 500 })
			r.asks(3)
			r.set(func(r *resource) {
				r.status, r.body = 0, strings.Repeat("x", 101)
				r.etag, r.modified = `"large"`, time.Unix(1, 0)
			})
			r.asks(3)
			r.set(func(r *resource) { r.etag, r.modified = "", time.Time{}; setVersion(r, "3") })
			if all := <-got; !slices.Equal(all, []string{"2", "3"}) {
				t.Errorf("got %q", all)
			}
		})
	}
}

// Of a message that is not settled the version is asked for again; of one that is
// not, also after a restart.
func TestHTTP_PollKeepsWhatIsSettled(t *testing.T) {
	r := &resource{wait: make(chan struct{}, 1), etag: `"1"`, body: "1"}
	env := eiptest.AdapterEnv()
	s := r.open(t, env)
	for _, err := range []error{errors.New("failed"), nil} {
		m, receiving := s.Receive(t.Context())
		if receiving != nil {
			t.Fatal(receiving)
		}
		if string(m.Body()) != "1" {
			t.Errorf("got %q", m.Body())
		}
		eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return err }), m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		r.asks(5)
		cancel()
	}()
	if m, err := s.Receive(ctx); m != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("what was settled came again: %v, %v", m, err)
	}
	adaptertest.Close(t, s)

	for _, kept := range env.Positions.(*eiptest.Positions).All() {
		if strings.Contains(string(kept), "http://") {
			t.Errorf("it keeps a URL, which may hold secrets: %s", kept)
		}
	}
}

func TestHTTP_PollEnds(t *testing.T) {
	hang := make(chan struct{})
	a := sendTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer close(hang)
	a.Every = time.Hour
	s := adaptertest.OpenSource(t, a, eiptest.AdapterEnv())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := s.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("received %v", err)
	}
	adaptertest.Close(t, s)
	if _, err := s.Receive(t.Context()); !errors.Is(err, eip.ErrClosed) {
		t.Errorf("received %v after close", err)
	}
}

// It logs what is wrong once.
func TestHTTP_PollTellsOnce(t *testing.T) {
	r := &resource{wait: make(chan struct{}, 1), status: 503}
	env := eiptest.AdapterEnv()
	log := adaptertest.LogTo(env)
	s := r.open(t, env)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		r.asks(5)
		cancel()
	}()
	_, _ = s.Receive(ctx)
	adaptertest.Close(t, s)
	if n := strings.Count(log.String(), "answered 503"); n != 1 {
		t.Errorf("it was logged %d times", n)
	}
}
