package main

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestHeader(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]any{
		"n=5":                         "5",
		"n:int=5":                     int64(5),
		"n:int=-9223372036854775808":  int64(-1 << 63),
		"n:float=1.5":                 1.5,
		"n:bool=true":                 true,
		"n:time=2026-01-02T03:04:05Z": at,
		"n:bytes=AAE=":                []byte{0, 1},
		"n:null=":                     nil,
		"n:string=a=b":                "a=b",
		"n=":                          "",
		"a:n:string=x":                "x",
	} {
		name, v, err := header(text)
		if err != nil || !strings.HasSuffix(name, "n") || !reflect.DeepEqual(v, want) {
			t.Errorf("%s: %s = %v (%T), %v", text, name, v, v, err)
		}
	}
	for text, says := range map[string]string{
		"secret":          "name=value",
		"=secret":         "name=value",
		":int=5":          "no name",
		"n:itn=5":         `did you mean int`,
		"a:b=secret":      "a:b:string=",
		"n:int=secret":    "no int",
		"n:int=1.5":       "no int",
		"n:float=secret":  "no float",
		"n:bool=secret":   "no bool",
		"n:time=secret":   "no time",
		"n:bytes=secret!": "no bytes",
		"n:null=secret":   "no null",
	} {
		if _, _, err := header(text); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
