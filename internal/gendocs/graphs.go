package gendocs

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/graph"
)

// picture is what README.md shows of the quick start, with paths from the module's folder.
func picture(root, files string) ([]byte, error) {
	c, diags := flow.Load(flow.Options{Files: []string{filepath.Join(root, files)}})
	if diags.HasErrors() {
		return nil, diags
	}
	m := graph.Of(c)
	for i := range m.Nodes {
		m.Nodes[i].At = strings.TrimPrefix(m.Nodes[i].At, filepath.ToSlash(root)+"/")
	}
	var out bytes.Buffer
	_, err := graph.SVG(&out, m, graph.Options{Depth: 2, Down: true})
	return out.Bytes(), err
}
