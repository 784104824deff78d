//go:build !linux

package systemd

import "time"

// There is no systemd but on Linux.
func monotonic() time.Duration { return 0 }
