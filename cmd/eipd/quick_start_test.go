package main

import (
	"bytes"
	"encoding/json"
	"image"
	_ "image/jpeg"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The README's first command: the sample pictures go all the way, one that is
// uploaded does too, and ctrl-C ends it with 0.
func TestQuickStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "flows"), os.DirFS(filepath.Join(root, "flows"))); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "flows", "*.hcl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no flow files: %v", err)
	}
	p := start(t, eipd(t, dir, append([]string{"run", "--var", "listen=127.0.0.1:0"}, files...)...))
	var printed []string
	for range 5 {
		printed = append(printed, p.line(t))
	}
	upload(t, "http://"+p.address(t)+"/images", "linus")
	uploaded := p.line(t)
	p.interrupt(t)
	if len(p.printed) > 0 {
		t.Errorf("it printed more: %q", p.printed)
	}

	slices.Sort(printed)
	want := []string{
		"julia by alan, 660 x 440: thumbnails of 640 x 427, 320 x 214, 160 x 107",
		"mountains by ada, 1200 x 800: thumbnails of 640 x 427, 320 x 214, 160 x 107",
		"night by mary, 800 x 600: thumbnails of 640 x 480, 320 x 240, 160 x 120",
		"panorama by ada, 4800 x 1350: thumbnails of 640 x 180, 320 x 90, 160 x 45",
		"sea by grace, 900 x 1200: thumbnails of 480 x 640, 240 x 320, 120 x 160",
	}
	if !slices.Equal(printed, want) {
		t.Errorf("printed:\n%s\nwant:\n%s", strings.Join(printed, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(uploaded, " by linus, 300 x 200: thumbnails of 300 x 200, 300 x 200, 160 x 107") {
		t.Errorf("of the upload it printed: %s", uploaded)
	}

	// What waited in a channel when it was stopped is still there: the flows finish
	// it, without the gateway.
	again := []string{"run", "--until-idle"}
	for _, name := range []string{"uploads", "over_large", "thumbnails", "notify_friends", "add_points", "points_proxy", "points_service"} {
		again = append(again, "--flow", name)
	}
	if stdout, stderr, code := output(t, eipd(t, dir, append(again, files...)...)); code != 0 || stdout != "" {
		t.Errorf("run again until idle: exit %d, printed %q\n%s", code, stdout, stderr)
	}
	name, _, _ := strings.Cut(uploaded, " by ")
	checkThumbnails(t, filepath.Join(dir, "out", "thumbnails"), name)
	checkLists(t, filepath.Join(dir, "out"), name)
}

func TestQuickStart_Moderation(t *testing.T) {
	dir := t.TempDir()
	for _, user := range []string{"ada", "mallory"} {
		write(t, dir, "pictures/"+user+"/of-"+user+".png", string(somePNG(t, 40, 40)))
	}
	stdout, stderr, code := output(t, eipd(t, dir, "run", "--until-idle", "--var", "moderation=true", "--var", "samples=pictures/*/*",
		"--flow", "samples,uploads,over_large,thumbnails", filepath.Join(abs(t, root), "flows")))
	if code != 0 || stdout != "of-ada by ada, 40 x 40: thumbnails of 40 x 40, 40 x 40, 40 x 40\n" {
		t.Errorf("exit %d, printed %q\n%s", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "out/held/of-mallory")); err != nil {
		t.Errorf("the stranger's picture was not held back: %v", err)
	}
}

func TestQuickStart_IsFormattedAndChecks(t *testing.T) {
	flows := abs(t, filepath.Join(root, "flows"))
	stdout, stderr, code := output(t, eipd(t, t.TempDir(), "check", flows))
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "ok: ") {
		t.Errorf("check: exit %d\n%s%s", code, stdout, stderr)
	}
	if stdout, _, code := output(t, eipd(t, t.TempDir(), "fmt", "--check", flows)); code != 0 {
		t.Errorf("not formatted (make fmt): %s", stdout)
	}
}

func checkThumbnails(t *testing.T, dir, uploaded string) {
	t.Helper()
	want := map[string]image.Point{
		"julia-large.png": {640, 427}, "julia-medium.png": {320, 214}, "julia-small.png": {160, 107},
		"mountains-large.jpg": {640, 427}, "mountains-medium.jpg": {320, 214}, "mountains-small.jpg": {160, 107},
		"night-large.png": {640, 480}, "night-medium.png": {320, 240}, "night-small.png": {160, 120},
		"panorama-large.jpg": {640, 180}, "panorama-medium.jpg": {320, 90}, "panorama-small.jpg": {160, 45},
		"sea-large.jpg": {480, 640}, "sea-medium.jpg": {240, 320}, "sea-small.jpg": {120, 160},
		uploaded + "-large.png": {300, 200}, uploaded + "-medium.png": {300, 200}, uploaded + "-small.png": {160, 107},
	}
	formats := map[string]string{".jpg": "jpeg", ".png": "png"}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(want) {
		t.Errorf("there are %d thumbnails, want %d (%v)", len(entries), len(want), err)
	}
	for name, size := range want {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		c, format, err := image.DecodeConfig(f)
		f.Close()
		if err != nil || image.Pt(c.Width, c.Height) != size || format != formats[filepath.Ext(name)] {
			t.Errorf("%s is a %s of %d x %d, want %v (%v)", name, format, c.Width, c.Height, size, err)
		}
	}
}

// checkLists checks that every picture is in each list once.
func checkLists(t *testing.T, dir, uploaded string) {
	t.Helper()
	want := []string{"ada mountains", "ada panorama", "alan julia", "grace sea", "linus " + uploaded, "mary night"}
	slices.Sort(want)
	for _, name := range []string{"audit.jsonl", "points.jsonl"} {
		var got []string
		for _, line := range readLines(t, filepath.Join(dir, name)) {
			var entry struct {
				User, Image   string
				Bytes, Points int
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Bytes == 0 && entry.Points != 10 {
				t.Errorf("%s holds %s (%v)", name, line, err)
			}
			got = append(got, entry.User+" "+entry.Image)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s is about %q, want %q", name, got, want)
		}
	}
	if mail := readLines(t, filepath.Join(dir, "mail.txt")); len(mail) != len(want) || !slices.Contains(mail, "Dear friends of grace, there is a new picture: sea.") {
		t.Errorf("the friends were told: %q", mail)
	}
}

func readLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	return lines(string(text))
}

func upload(t *testing.T, url, user string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(somePNG(t, 300, 200)))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("User", user)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does by itself
	if status, text := do(t, q); status != http.StatusAccepted {
		t.Fatalf("the upload was answered %d: %s", status, text)
	}
}

func somePNG(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
