package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// DialTimeout is how long the whole handshake may take.
const DialTimeout = 10 * time.Second

// Dial opens a TCP connection, with TLS where secure. Its deadline is that of the whole
// handshake: whoever dials takes it off.
func Dial(ctx context.Context, host, port string, timeout time.Duration, secure bool, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if !secure {
		return conn, nil
	}
	encrypted, err := Secure(ctx, conn, host, config)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("TLS: %w", err), conn.Close())
	}
	return encrypted, nil
}

// Secure encrypts a connection to a host.
func Secure(ctx context.Context, wire net.Conn, host string, config *tls.Config) (net.Conn, error) {
	if config == nil {
		config = &tls.Config{}
	}
	if config = config.Clone(); config.ServerName == "" {
		config.ServerName = host
	}
	conn := tls.Client(wire, config)
	return conn, conn.HandshakeContext(ctx)
}

// Advice says what to do about a certificate.
func Advice(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "; if the certificate is meant, name the one that signed it as ca"
	case errors.As(err, &name):
		return "; connect by a name that is in the certificate, or say it as server_name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "; the broker needs a new certificate, or a clock is wrong"
	case errors.As(err, &plain):
		return "; this port does not speak TLS: is it one for connections without it?"
	case strings.Contains(err.Error(), "remote error"):
		return "; the broker refuses: it may want a client's certificate (cert and key), or another one"
	}
	return ""
}
