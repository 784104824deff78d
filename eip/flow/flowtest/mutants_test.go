package flowtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/flow/flowtest"
)

// mutants are changes of the quick start that somebody could make by mistake: in a file,
// the n-th place that has a text gets another.
var mutants = []struct {
	file     string
	was, now string
	n        int
}{
	{"gateway.hcl", "headers.user ?? 'somebody'", "'somebody'", 0},
	{"gateway.hcl", "?? 'somebody'", "?? 'nobody'", 0},
	{"gateway.hcl", "'upload-' +", "'up-' +", 0},
	{"gateway.hcl", "[0:12]", "[0:11]", 0},
	{"gateway.hcl", "to = queue.uploads", "discard {}", 0},
	{"gateway.hcl", "to = queue.uploads", "discard {}", 1},
	{"gateway.hcl", "[-2]", "[-1]", 0},
	{"gateway.hcl", "'.')[0]", "'.')[-1]", 0},
	{"gateway.hcl", "image = ", "picture = ", 0},
	{"gateway.hcl", "image = ", "picture = ", 1},
	{"gateway.hcl", `format = "whole"`, `format = "lines"`, 0},
	{"uploads.hcl", "from = queue.over_large", "from = queue.over_large\n  retry { attempts = 1 }", 0},
	{"uploads.hcl", "len(body) >", "len(body) >=", 0},
	{"uploads.hcl", "len(body) >", "len(body) <", 0},
	{"uploads.hcl", "to = queue.over_large", "to = topic.new_image", 0},
	{"uploads.hcl", "to = topic.new_image", "to = queue.over_large", 0},
	{"uploads.hcl", "otherwise { to = topic.new_image }", "otherwise {\n  discard {}\n}", 0},
	{"uploads.hcl", "to = adapter.audit", "to = adapter.held", 0},
	{"uploads.hcl", "bytes: len(body)", "bytes: len(headers.user)", 0},
	{"uploads.hcl", "user: headers.user", "user: headers.image", 0},
	{"uploads.hcl", "image: headers.image", "image: headers.user", 0},
	{"uploads.hcl", "time: now()", "time: nil", 0},
	{"uploads.hcl", "enabled = var.moderation", "enabled = true", 0},
	{"uploads.hcl", "headers.user in [", "headers.user not in [", 0},
	{"uploads.hcl", "discard_to = adapter.held", "", 0},
	{"uploads.hcl", "'grace', ", "", 0},
	{"uploads.hcl", "out/audit.jsonl", "out/audits.jsonl", 0},
	{"uploads.hcl", "'out/held/' +", "'out/hold/' +", 0},
	{"uploads.hcl", "width = 1600", "width = 160", 0},
	{"uploads.hcl", "original = ", "first = ", 0},
	{"uploads.hcl", "  to = topic.new_image\n}", "  discard {}\n}", 0},
	{"thumbnails.hcl", "width = 640", "width = 600", 0},
	{"thumbnails.hcl", "width = 320", "width = 300", 0},
	{"thumbnails.hcl", "width = 160", "width = 100", 0},
	{"thumbnails.hcl", `"'large'"`, `"'small'"`, 0},
	{"thumbnails.hcl", "headers.original ?? ", "", 0},
	{"thumbnails.hcl", "'.png' : '.jpg'", "'.jpg' : '.png'", 0},
	{"thumbnails.hcl", "send { to = adapter.thumbnails }", "", 1},
	{"thumbnails.hcl", "to = adapter.terminal", "discard {}", 0},
	{"thumbnails.hcl", "headers.image + ' by '", "headers.user + ' by '", 0},
	{"friends.hcl", "friends of ' + headers.user", "friends of ' + headers.image", 0},
	{"friends.hcl", "to = adapter.mail", "discard {}", 0},
	{"friends.hcl", "out/mail.txt", "out/mails.txt", 0},
	{"points.hcl", "'new_image', image", "'image', image", 0},
	{"points.hcl", "10 : 0", "0 : 10", 0},
	{"points.hcl", "body.event ==", "body.event !=", 0},
	{"points.hcl", `timeout = "10s"`, `timeout = "1s"`, 0},
	{"points.hcl", `timeout = "10s"`, `timeout = "100s"`, 0},
	{"points.hcl", "to = adapter.points", "discard {}", 0},
	{"points.hcl", "out/points.jsonl", "out/point.jsonl", 0},
	{"points.hcl", "user: body.user", "user: body.image", 0},
	{"points.hcl", "concurrency = 4", "concurrency = 1", 0},
	{"thumbnails.hcl", "concurrency = 4", "concurrency = 1", 0},
}

// The tests of the quick start notice nearly all of them: concurrency changes how fast it
// is, and nothing that a test can see.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes many thumbnails")
	}
	const flows = "../../../flows"
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(flows)); err != nil {
		t.Fatal(err)
	}
	if !survived(t, dir, "") {
		t.Fatal("the tests fail without any change")
	}
	caught := 0
	for _, m := range mutants {
		if mutate(t, dir, m.file, m.was, m.now, m.n) {
			t.Logf("nothing notices that %s says %q in place of %q", m.file, m.now, m.was)
		} else {
			caught++
		}
	}
	if least := len(mutants) * 38 / 40; caught < least {
		t.Errorf("%d of %d mutants were caught, fewer than %d", caught, len(mutants), least)
	}
	t.Logf("%d of %d mutants were caught", caught, len(mutants))
}

// mutate changes a file for one run of the tests, and reports whether they pass.
func mutate(t *testing.T, dir, file, was, now string, n int) (passed bool) {
	path := filepath.Join(dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitAfterN(string(text), was, n+2)
	if len(parts) < n+2 {
		t.Fatalf("%s has fewer than %d times %q", file, n+1, was)
	}
	parts[n] = strings.TrimSuffix(parts[n], was) + now
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Join(parts, ""))
	defer write(string(text))
	return survived(t, dir, file)
}

// survived reports whether all tests pass that are about a file; "": all.
func survived(t *testing.T, dir, file string) bool {
	files, err := flowtest.Load([]string{filepath.Join(dir, "flows_test.hcl")})
	if err != nil {
		return false
	}
	pictures := func(one *flowtest.Test) bool { // which take most of the time
		return strings.Contains(one.Name, "thumbnail") || strings.Contains(one.Name, "over-large ")
	}
	o := flowtest.Options{FailFast: true, Timeout: 5 * time.Minute, Pick: func(one *flowtest.Test) bool {
		return file == "" || file == "thumbnails.hcl" || file == "uploads.hcl" || !pictures(one)
	}}
	for _, r := range flowtest.Run(t, files, o) {
		if r.Outcome == flowtest.Failed {
			return false
		}
	}
	return true
}
