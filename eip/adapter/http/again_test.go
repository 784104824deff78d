package http_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	httpadapter "github.com/eipd/eipd/eip/adapter/http"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// A server that ends a connection while the next request is on its way has failed
// nobody: the request is made again at once, and what is behind it waits.
func TestHTTP_SinkOnConnectionsThatEnd(t *testing.T) {
	for name, requestsEach := range map[string]int{"after each answer": 1, "now and then": 3} {
		for _, headers := range []map[string]string{nil, {"Idempotency-Key": "own"}} {
			t.Run(name, func(t *testing.T) {
				var got []string
				var keys []string
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				var serving sync.WaitGroup
				defer serving.Wait()
				defer l.Close()
				serving.Go(func() {
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						r := bufio.NewReader(c)
						for n := 0; ; n++ {
							request, err := http.ReadRequest(r)
							if err != nil || n == requestsEach { // the next one is not answered
								break
							}
							body, _ := io.ReadAll(request.Body)
							got = append(got, string(body))
							keys = append(keys, fmt.Sprint(request.Header["Idempotency-Key"]))
							io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
						}
						c.Close()
					}
				})
				a := httpadapter.New()
				a.URL, a.Headers = "http://"+l.Addr().String(), headers
				s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
				var want []string
				for i := range 12 {
					want = append(want, fmt.Sprint(i))
					if err := adaptertest.Send(t, s, eiptest.Message(fmt.Sprint(i))); err != nil {
						t.Errorf("message %d: %v", i, err)
					}
				}
				adaptertest.Close(t, s)
				l.Close()
				serving.Wait()
				if !slices.Equal(got, want) {
					t.Errorf("the server took %q", got)
				}
				if key := fmt.Sprint([]string(nil)); headers == nil && keys[0] != key || headers != nil && keys[0] != "[own]" {
					t.Errorf("it was sent the keys %v", keys)
				}
			})
		}
	}
}

// A service that is busy is asked again when it wants, within max_delay.
func TestHTTP_SinkRetryAfter(t *testing.T) {
	for _, status := range []int{429, 503} {
		for _, after := range []string{"3600", "99999999999999999999", "Fri, 01 Jan 2100 00:00:00 GMT", "0", "-1", "soon", ""} {
			var asked atomic.Int32
			a := sendTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) <= 5 {
					w.Header().Set("Retry-After", after)
					w.WriteHeader(status)
				}
			}))
			s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
			var dead eiptest.Recorder
			f := &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), To: s, DeadLetter: &dead, Retry: eip.Retry{Delay: time.Millisecond, MaxDelay: 2 * time.Millisecond}}
			if err := f.Run(context.Background()); err != nil || asked.Load() != 6 || len(dead.Messages()) > 0 {
				t.Errorf("%d, Retry-After %q: asked %d times, %v", status, after, asked.Load(), err)
			}
			adaptertest.Close(t, s)
		}
	}
}
