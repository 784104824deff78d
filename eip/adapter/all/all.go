// Package all is imported for its effect: flow files know all adapters of eipd.
package all

import (
	_ "github.com/eipd/eipd/eip/adapter/exec" // each enters itself in adapter.Registry
	_ "github.com/eipd/eipd/eip/adapter/file"
	_ "github.com/eipd/eipd/eip/adapter/http"
	_ "github.com/eipd/eipd/eip/adapter/stdio"
	_ "github.com/eipd/eipd/eip/adapter/timer"
)
