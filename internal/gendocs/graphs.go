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
	m, err := model(root, files)
	if err != nil {
		return nil, err
	}
	for i := range m.Nodes {
		m.Nodes[i].At = strings.TrimPrefix(m.Nodes[i].At, filepath.ToSlash(root)+"/")
	}
	var out bytes.Buffer
	_, err = graph.SVG(&out, m, graph.Options{Depth: 2, Down: true})
	return out.Bytes(), err
}

// diagram is a flow file, or the states of the stage whose address follows it, as a block of
// Mermaid.
func (t *tables) diagram(of string) (string, error) {
	file, states, _ := strings.Cut(of, " ")
	m, err := model(t.root, file)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	_, err = graph.Mermaid(&out, m, graph.Options{Depth: 2, States: states})
	return "```mermaid\n" + strings.TrimSpace(out.String()) + "\n```", err
}

func model(root, files string) (*graph.Model, error) {
	c, diags := flow.Load(flow.Options{Files: []string{filepath.Join(root, files)}})
	if diags.HasErrors() {
		return nil, diags
	}
	return graph.Of(c), nil
}
