package deadletter_test

import (
	"os"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

func failed(text string) *eip.Message {
	return eip.New([]byte("x"), nil).WithHeaders(eip.Headers{header.Error: text, header.Flow: "orders", header.Stage: "orders.charge", header.Reason: "failed"})
}

func TestCause_Golden(t *testing.T) {
	data, err := os.ReadFile("testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts, groups := 0, map[string]string{}
	for _, block := range strings.Split(string(data), "\n\n")[1:] {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		want, ok := strings.CutPrefix(lines[0], "> ")
		if !ok {
			t.Fatalf("%q begins no group", lines[0])
		}
		for _, text := range lines[1:] {
			texts++
			l := deadletter.Read(failed(text))
			if l.Cause.Error != want {
				t.Errorf("%s\nis    %s\nnot   %s", text, l.Cause.Error, want)
			}
			if again := deadletter.Read(failed(want)).Cause.Error; again != want {
				t.Errorf("%s\nis not stable: %s", want, again)
			}
			if other, ok := groups[l.Cause.Group()]; ok && other != want {
				t.Errorf("%q and %q are one group", want, other)
			}
			groups[l.Cause.Group()] = want
		}
	}
	if texts < 200 || len(groups) < 60 {
		t.Errorf("%d texts in %d groups", texts, len(groups))
	}
	t.Logf("%d texts in %d groups", texts, len(groups))
}
