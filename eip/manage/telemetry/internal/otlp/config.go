package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Config says where a Client sends to.
type Config struct {
	URL     string
	Headers map[string]string
	Timeout time.Duration
	Gzip    bool
	TLS     *tls.Config
}

// FromEnv reads what the environment says of a signal, TRACES or METRICS, as the
// specification of the OTLP exporter has it.
func FromEnv(signal string, getenv func(string) string) (c Config, err error) {
	// A variable for the signal alone comes before the one for all.
	get := func(name string) (value, from string) {
		if v := getenv("OTEL_EXPORTER_OTLP_" + signal + "_" + name); v != "" {
			return v, "OTEL_EXPORTER_OTLP_" + signal + "_" + name
		}
		return getenv("OTEL_EXPORTER_OTLP_" + name), "OTEL_EXPORTER_OTLP_" + name
	}
	c.Timeout = 10 * time.Second
	if v, from := get("PROTOCOL"); v != "" && v != "http/protobuf" {
		return c, fmt.Errorf("%s=%s: write http/protobuf, which is all that eipd speaks", from, v)
	}
	v, from := get("ENDPOINT")
	if c.URL, err = endpoint(v, signal, from); err != nil {
		return c, err
	}
	v, from = get("HEADERS")
	if c.Headers, err = headers(v); err != nil {
		return c, fmt.Errorf("%s: %w", from, err)
	}
	if v, from := get("TIMEOUT"); v != "" {
		ms, err := strconv.Atoi(v)
		if err != nil || ms <= 0 {
			return c, fmt.Errorf("%s=%s: write milliseconds, such as 10000", from, v)
		}
		c.Timeout = time.Duration(ms) * time.Millisecond
	}
	switch v, from := get("COMPRESSION"); v {
	case "", "none":
	case "gzip":
		c.Gzip = true
	default:
		return c, fmt.Errorf("%s=%s: write gzip or none", from, v)
	}
	c.TLS, err = tlsConfig(get)
	return c, err
}

// endpoint is the URL of a signal. Below an endpoint for all signals, each has a
// path of its own.
func endpoint(v, signal, from string) (string, error) {
	if v == "" {
		v = "http://localhost:4318"
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s: write a URL, such as http://localhost:4318", from) // it may hold a password
	}
	if strings.Contains(from, "_"+signal+"_") {
		if u.Path == "" {
			u.Path = "/"
		}
		return u.String(), nil
	}
	return u.JoinPath("v1", strings.ToLower(signal)).String(), nil
}

// headers reads name=value pairs between commas, whose values are escaped as in
// URLs.
func headers(text string) (map[string]string, error) {
	all := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || name == "" || err != nil {
			return nil, fmt.Errorf("write headers as name=value,name=value")
		}
		all[name] = value
	}
	return all, nil
}

func tlsConfig(get func(string) (string, string)) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file, from := get("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: there is no certificate in %s", from, file)
		}
	}
	cert, from := get("CLIENT_CERTIFICATE")
	key, _ := get("CLIENT_KEY")
	if cert == "" && key == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s and its key: %w", from, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
