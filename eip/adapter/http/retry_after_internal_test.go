package http

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for text, want := range map[string]time.Duration{
			"": 0, "0": 0, "7": 7 * time.Second, "86400": 24 * time.Hour, "86401": 24 * time.Hour, "99999999999999999999": 24 * time.Hour, "-7": 0, "7s": 0, "7.5": 0, "soon": 0,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second, "Fri, 01 Jan 1999 00:00:00 GMT": 0, "Fri, 99 Jan 1999": 0,
		} {
			if got := retryAfter(text); got != want {
				t.Errorf("%q is %v, want %v", text, got, want)
			}
		}
	})
}
