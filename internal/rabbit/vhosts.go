package rabbit

import (
	"encoding/json"
	"fmt"
	"testing"
)

// Vhosts adds vhosts, which are as good as nodes of their own to who uses them, and
// returns the URL of each. A vhost is new for a while: who connects at once waits for it,
// and where the disk is busy, for longer than clients do.
func (n *Node) Vhosts(t testing.TB, names ...string) map[string]string {
	t.Helper()
	type vhost struct {
		Name string `json:"name"`
	}
	type permission struct {
		User      string `json:"user"`
		Vhost     string `json:"vhost"`
		Configure string `json:"configure"`
		Write     string `json:"write"`
		Read      string `json:"read"`
	}
	var definitions struct {
		Vhosts      []vhost      `json:"vhosts"`
		Permissions []permission `json:"permissions"`
	}
	urls := map[string]string{}
	for _, name := range names {
		definitions.Vhosts = append(definitions.Vhosts, vhost{name})
		definitions.Permissions = append(definitions.Permissions, permission{"guest", name, ".*", ".*", ".*"})
		urls[name] = n.URL() + name
	}
	text, err := json.Marshal(definitions)
	if err != nil {
		t.Fatal(err)
	}
	n.Eval(t, fmt.Sprintf("rabbit_definitions:import_raw(<<%q/utf8>>)", text))
	for _, url := range urls {
		if err := connects(url); err != nil {
			t.Fatalf("the vhost at %s does not come up: %v", url, err)
		}
	}
	return urls
}
