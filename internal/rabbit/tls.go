package rabbit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/eipd/eipd/internal/keeper"
)

// TLS makes the node listen for TLS as well, and check certificates of clients
// that show one.
func TLS(n *Node) error {
	ports, err := keeper.FreePorts(1)
	if err != nil {
		return err
	}
	n.TLSPort = ports[0]
	ca, err := authority(n.File("ca.pem"))
	if err != nil {
		return err
	}
	if err := ca.issue(n.File("server.pem"), n.File("server.key"), "localhost"); err != nil {
		return err
	}
	if err := ca.issue(n.File("client.pem"), n.File("client.key"), "eipd"); err != nil {
		return err
	}
	return n.configure(fmt.Sprintf("listeners.ssl.1 = 127.0.0.1:%d\nssl_options.cacertfile = %s\nssl_options.certfile = %s\nssl_options.keyfile = %s\nssl_options.verify = verify_peer",
		n.TLSPort, n.File("ca.pem"), n.File("server.pem"), n.File("server.key")))
}

// TLSURL is where the node takes connections over TLS.
func (n *Node) TLSURL() string { return fmt.Sprintf("amqps://guest:guest@127.0.0.1:%d/", n.TLSPort) }

// File is one of the node's files: with TLS there are ca.pem, client.pem and
// client.key.
func (n *Node) File(name string) string { return filepath.Join(n.dir, name) }

type certificates struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func authority(file string) (*certificates, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := template("the tests' authority")
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	return &certificates{c, key}, sign(file, c, c, key, key)
}

// issue writes a certificate for a name on this machine, and its key.
func (ca *certificates) issue(file, keyFile, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := template(name)
	c.DNSNames, c.IPAddresses = []string{name}, []net.IP{net.IPv4(127, 0, 0, 1)}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(keyFile, "PRIVATE KEY", der); err != nil {
		return err
	}
	return sign(file, c, ca.certificate, key, ca.key)
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
}

func sign(file string, c, by *x509.Certificate, key, with *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, with)
	if err != nil {
		return err
	}
	return write(file, "CERTIFICATE", der)
}

func write(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
