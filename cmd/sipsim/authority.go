package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"b2bua/simulator/testca"
)

type authorityCmd struct {
	Dir   string   `default:"." placeholder:"DIR" help:"Where the files go."`
	Names []string `arg:"" help:"Host names and addresses that the certificate is for."`
}

// Help teaches.
func (authorityCmd) Help() string {
	return `Writes ca.pem (for who connects), certificate.pem and key.pem (for who listens). The authority's own key is thrown away.

  sipsim authority --dir tls jabiru.example.org
  sipsim proxy --listen tls:127.0.0.3:5061 --certificate tls/certificate.pem --key tls/key.pem …
  [b2bua::tls]
  ca-file=tls/ca.pem`
}

// Run writes the files.
func (c *authorityCmd) Run(*env) error {
	ca, err := testca.New()
	if err != nil {
		return err
	}
	return ca.WriteDir(c.Dir, c.Names...)
}

// tlsFlags are what a program needs to listen and to connect by TLS.
type tlsFlags struct {
	Certificate string `placeholder:"FILE" help:"Certificate to listen on tls: with, PEM."`
	Key         string `placeholder:"FILE" help:"Its key."`
	CAFile      string `name:"ca-file" placeholder:"FILE" help:"Authorities whose certificates are accepted; default: the system's."`
}

// load reads the files; a side without its file is nil.
func (f *tlsFlags) load() (server, client *tls.Config, err error) {
	if f.Certificate != "" || f.Key != "" {
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("--certificate, --key: %w", err)
		}
		server = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if f.CAFile != "" {
		text, err := os.ReadFile(f.CAFile)
		if err != nil {
			return nil, nil, fmt.Errorf("--ca-file: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, nil, fmt.Errorf("--ca-file=%s: %w", f.CAFile, errors.New("no certificate in it"))
		}
		client = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return server, client, nil
}
