// Package docs holds the pages of patterns and of the cookbook, of which eipd new makes
// folders that run. The test of a page's flows lies beside it.
package docs

import "embed"

//go:embed patterns cookbook
var Pages embed.FS
