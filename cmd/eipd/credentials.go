package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/internal/regular"
)

// credentials are the flags that say who a command is to a broker. A password in a URL on
// the command line can be seen by everybody who lists processes.
type credentials struct {
	tls          flow.TLSBlock
	passwordFile string
}

func (c *credentials) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.passwordFile, "password-file", "", "a `file` with the password of the URL's user (default $EIPD_PASSWORD)")
	f.StringVar(&c.tls.CA, "ca", "", "a `file` of certificates that the broker's own is checked against")
	f.StringVar(&c.tls.Cert, "cert", "", "a `file` with the client's certificate")
	f.StringVar(&c.tls.Key, "key-file", "", "a `file` with the client's key")
	f.StringVar(&c.tls.ServerName, "server-name", "", "the `name` that the broker's certificate must have (default the URL's host)")
}

const maxPassword = 4 << 10

// to completes what a broker is opened with.
func (c *credentials) to(config broker.Config) (broker.Config, error) {
	password, source := os.Getenv("EIPD_PASSWORD"), "EIPD_PASSWORD"
	if c.passwordFile != "" {
		text, err := regular.ReadFile(c.passwordFile, maxPassword)
		if err != nil {
			return config, fmt.Errorf("--password-file: %w", err)
		}
		password, source = strings.TrimRight(string(text), "\r\n"), "--password-file"
	}
	var err error
	if password != "" && config.URL.Host != "" {
		secrets.Add(password)
		if config.URL, err = withPassword(config.URL, password, source); err != nil {
			return config, err
		}
	}
	config.TLS, err = c.config()
	return config, err
}

func withPassword(u *url.URL, password, source string) (*url.URL, error) {
	if _, given := u.User.Password(); given {
		return u, nil
	}
	if u.User.Username() == "" {
		return nil, fmt.Errorf("%s gives a password, and the URL names no user; put USER@ before its host", source)
	}
	with := *u
	with.User = url.UserPassword(u.User.Username(), password)
	return &with, nil
}

func (c *credentials) config() (*tls.Config, error) {
	if c.tls == (flow.TLSBlock{}) {
		return nil, nil
	}
	if (c.tls.Cert == "") != (c.tls.Key == "") {
		return nil, errors.New("--cert and --key-file go together")
	}
	config, err := host.TLS(&c.tls)
	if err != nil {
		return nil, failure{exitFailed, err}
	}
	return config, nil
}
