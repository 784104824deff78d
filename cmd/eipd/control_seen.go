package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

// expected is how long a process that has answered is expected to answer again.
const expected = time.Minute

// noteAnswers remembers, in the user's cache, which processes have answered on a
// topic. Where all had time to answer, it returns a line for each that did within
// the last minute and now did not, or has said that it ends. Where there is no cache,
// nothing is remembered.
func noteAnswers(topic string, replies []control.Reply, all bool) (missing []string) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	key := sha256.Sum256([]byte(topic)) // it may hold a password
	file := filepath.Join(dir, "eipd", "answered", hex.EncodeToString(key[:8])+".json")
	seen := map[string]time.Time{}
	if b, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(b, &seen) // what cannot be read was not seen
	}
	now := time.Now()
	left := map[string]time.Time{}
	for _, r := range replies {
		seen[r.Instance] = now
		var st control.Status
		if r.Command == "status" && r.Read(&st) == nil {
			for _, d := range st.Left {
				left[d.Instance] = d.Time
			}
		}
	}
	for _, instance := range slices.Sorted(maps.Keys(seen)) {
		switch ago := now.Sub(seen[instance]); {
		case ago > expected || ago < 0:
			delete(seen, instance)
		case ago > 0 && left[instance].After(seen[instance]):
			delete(seen, instance)
			missing = append(missing, fmt.Sprintf("%s has ended, %v ago", visible.Line(instance), now.Sub(left[instance]).Round(time.Second)))
		case ago > 0 && all:
			missing = append(missing, fmt.Sprintf("%s has not answered; it did %v ago", visible.Line(instance), ago.Round(time.Second)))
		}
	}
	remember(file, seen)
	return missing
}

func remember(file string, seen map[string]time.Time) {
	b, err := json.Marshal(seen)
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	t, err := os.CreateTemp(filepath.Dir(file), "*.new")
	if err != nil {
		return
	}
	_, err = t.Write(b)
	if closed := t.Close(); err != nil || closed != nil || os.Rename(t.Name(), file) != nil {
		_ = os.Remove(t.Name())
	}
}
