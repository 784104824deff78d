package flowtest

import (
	"fmt"
	"os"
	"path/filepath"
)

// restart ends the process as kill -9 does, and starts it on what is on disk. What is there
// is copied first: whatever the flows do while they end is no part of the test.
func (r *rig) restart(one *task) {
	settle()
	r.note()
	r.mu.Lock()
	r.restarts++
	before := r.dir
	r.dir = filepath.Join(r.folder, fmt.Sprint(r.restarts))
	after := r.dir
	r.muted = true
	r.mu.Unlock()
	err := os.Mkdir(after, 0o700)
	if err == nil {
		err = os.CopyFS(after, os.DirFS(before))
	}
	r.stop()
	r.mu.Lock()
	r.brokers, r.muted = nil, false
	r.mu.Unlock()
	if err == nil {
		err = r.start()
	}
	if err != nil {
		r.fail(one, broken, fmt.Sprintf("restart: %v", err))
	}
}
