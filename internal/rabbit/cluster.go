package rabbit

import (
	"fmt"
	"os"
	"testing"

	"github.com/eipd/eipd/eip"
)

// Cluster starts so many nodes that are one cluster, and end with the test.
func Cluster(t testing.TB, size int) (nodes []*Node) {
	t.Helper()
	require(t)
	cookie := eip.NewID()
	for range size {
		n, err := create(func(n *Node) error {
			if len(nodes) > 0 {
				n.epmd = nodes[0].epmd // of all, or they would not find each other
			}
			return os.WriteFile(n.File("home/.erlang.cookie"), []byte(cookie), 0o400)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.close)
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		for i, peer := range nodes {
			if err := n.configure(fmt.Sprintf("cluster_formation.classic_config.nodes.%d = %s", i+1, peer.name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	nodes[0].Restart(t) // the others join it: of several at once, each may begin alone
	for _, n := range nodes[1:] {
		n.Launch(t)
	}
	for _, n := range nodes[1:] {
		n.Await(t)
	}
	return nodes
}
