//go:build !linux

package regular

import "os"

func made(*os.File) bool { return false }
