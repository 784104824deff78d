package host

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/internal/regular"
)

// brokerConfig is what a broker is opened with, but for what the process adds.
func brokerConfig(b *flow.Broker, u *url.URL) (broker.Config, error) {
	tls, err := TLS(b.TLS)
	if err != nil {
		return broker.Config{}, fmt.Errorf("open broker %s: %w", b.Name, err)
	}
	return broker.Config{Name: b.Name, URL: u, URLs: b.URLs, QueueType: b.QueueType, TLS: tls, Reconnect: broker.Reconnect{Min: b.Reconnect.Min, Max: b.Reconnect.Max}}, nil
}

// maxPEM is how many bytes a file of certificates may have.
const maxPEM = 1 << 20

// TLS reads the certificates that a tls block names; nil of none.
func TLS(t *flow.TLSBlock) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := regular.ReadFile(t.CA, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("read ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca: %s holds no certificate in PEM form", t.CA)
		}
	}
	if t.Cert != "" || t.Key != "" {
		cert, err := regular.ReadFile(t.Cert, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("read cert: %w", err)
		}
		key, err := regular.ReadFile(t.Key, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("read cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
