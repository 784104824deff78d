package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A document names the module and what it is linked with, each with its version.
func TestDocument(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	info.Main.Version = "v1.2.3"
	text, err := json.Marshal(document(info))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"bomFormat":"CycloneDX"`, `"purl":"pkg:golang/github.com/eipd/eipd@v1.2.3"`, `"name":"stdlib","version":"1.`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it does not say %s:\n%s", want, text)
		}
	}
}
