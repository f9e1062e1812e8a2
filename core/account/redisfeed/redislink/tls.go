package redislink

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS reads the files of redis-tls-cafile, and for tls-mutual those of redis-tls-certificate and redis-tls-key; "" for both: no
// certificate is shown. The error names the setting.
func TLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	pem, err := os.ReadFile(caFile) //nolint:gosec // named by the operator
	if err != nil {
		return nil, fmt.Errorf("redis-tls-cafile: %w", err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("redis-tls-cafile: " + caFile + " holds no PEM certificate")
	}
	if certFile != "" || keyFile != "" {
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("redis-tls-certificate and redis-tls-key: %w", err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}
