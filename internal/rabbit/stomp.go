package rabbit

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/eipd/eipd/internal/keeper"
)

// STOMP has a node take connections of the plugin's.
func STOMP(n *Node) error {
	ports, err := keeper.FreePorts(1)
	if err != nil {
		return err
	}
	n.STOMP = ports[0]
	if err := os.WriteFile(filepath.Join(n.dir, "enabled_plugins"), []byte("[rabbitmq_stomp]."), 0o600); err != nil {
		return err
	}
	return n.configure(fmt.Sprintf("stomp.listeners.tcp.1 = 127.0.0.1:%d", n.STOMP))
}

// StompURL is where the node takes connections of STOMP, as its administrator.
func (n *Node) StompURL() string { return fmt.Sprintf("stomp://guest:guest@127.0.0.1:%d", n.STOMP) }
