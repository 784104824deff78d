// Package examples holds the flow files beside it, of which eipd new makes folders.
package examples

import "embed"

//go:embed *
var Files embed.FS
