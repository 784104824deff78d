package graph

import (
	_ "embed"
	"maps"
	"regexp"
	"slices"
	"strings"
)

//go:embed icons.svg
var iconFile string

var symbol = regexp.MustCompile(`<symbol id="i-([a-z_]+)"[^\n]*`)

// icons are the symbols of the file by kind.
var icons = func() map[string]string {
	all := map[string]string{}
	for _, m := range symbol.FindAllStringSubmatch(iconFile, -1) {
		all[m[1]] = m[0]
	}
	return all
}()

// HasIcon reports whether there is a drawing for a kind of stage or adapter. Others have a
// cog.
func HasIcon(kind string) bool { return icons[kind] != "" }

// icon reports whether a node's box has an icon.
func (n *Node) icon() bool { return !n.state() && n.Kind != kindLabel }

// iconOf returns the name of a node's symbol.
func iconOf(n *Node) string {
	kind := n.Kind
	if kind == KindAdapter {
		kind = n.Adapter
	}
	if !HasIcon(kind) {
		return "cog"
	}
	return kind
}

// usedIcons writes the symbols of the nodes that are drawn.
func usedIcons(used map[string]bool) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(used)) {
		out.WriteString(icons[name] + "\n")
	}
	return out.String()
}
