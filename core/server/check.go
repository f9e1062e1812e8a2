package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"b2bua/core/config"
)

// Names of sections for findings.
const (
	sectionB2BUA  = "b2bua-server"
	sectionTLS    = "b2bua::tls"
	sectionOwn    = "b2bua"
	sectionBridge = "b2bua-server::sip-bridge"
)

// ConfigError is a configuration that Load could read and the server cannot use.
type ConfigError struct{ Findings []config.Finding }

// Error is one line for each fault.
func (e *ConfigError) Error() string {
	var list []string
	for _, f := range e.Findings {
		list = append(list, f.String())
	}
	return strings.Join(list, "\n")
}

// Check finds what the configuration asks for and this build or this host does not have. It reads the files that are named and
// touches nothing. The findings have no place yet; config.Report.Add gives them one.
func Check(cfg *config.Config) []config.Finding {
	var list []config.Finding
	if cfg.B2BUA.Application == config.AppSIPBridge {
		_, list = loadBridge(cfg)
	}
	list = append(list, checkMediaAddress(cfg.Own.MediaAddress)...)
	_, faults := loadTLS(cfg.TLS)
	return append(list, faults...)
}

// tlsFiles is what [b2bua::tls] names.
type tlsFiles struct {
	roots       *x509.CertPool    // nil: the system's
	certificate []tls.Certificate // none or one
}

// loadTLS reads the files. What is wrong with one does not keep the others from being looked at.
func loadTLS(t config.TLS) (tlsFiles, []config.Finding) {
	var files tlsFiles
	var faults []config.Finding
	fault := func(key, problem, fix string) {
		faults = append(faults, config.Finding{Severity: config.Fault, Section: sectionTLS, Key: key, Problem: problem, Fix: fix})
	}
	read := func(key, path string, types ...string) []byte {
		data, problem, fix := readPEM(path, types...)
		if problem != "" {
			fault(key, problem, fix)
			return nil
		}
		return data
	}
	if t.CAFile != "" {
		if data := read("ca-file", t.CAFile, "CERTIFICATE"); data != nil {
			files.roots = x509.NewCertPool()
			if !files.roots.AppendCertsFromPEM(data) {
				fault("ca-file", t.CAFile+" holds no certificate that can be read", "a PEM file with certificates of authorities")
			}
		}
	}
	if t.Certificate == "" || t.Key == "" {
		return files, faults // one without the other is a fault of its own
	}
	cert, key := read("certificate", t.Certificate, "CERTIFICATE"), read("key", t.Key, "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
	if cert == nil || key == nil {
		return files, faults
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		fault("key", fmt.Sprintf("%s does not go with certificate %s (%v)", t.Key, t.Certificate, err), "the private key that the certificate was issued for")
		return files, faults
	}
	files.certificate = []tls.Certificate{pair}
	return files, faults
}

// readPEM reads a file that must hold a block of one of the types. The problem never shows a part of the file.
func readPEM(path string, types ...string) (data []byte, problem, fix string) {
	data, err := os.ReadFile(path)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, path + " does not exist", "the path of a PEM file; a relative one starts at the directory of the configuration file"
	case errors.Is(err, fs.ErrPermission):
		return nil, path + " may not be read by this user", "a file that the user of the service can read"
	case err != nil:
		return nil, fmt.Sprintf("%s cannot be read: %v", path, err), "the path of a PEM file"
	}
	var found []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if slices.Contains(types, block.Type) {
			return data, "", ""
		}
		found = append(found, block.Type)
	}
	wanted := types[0]
	if len(found) == 0 {
		return nil, fmt.Sprintf("%s is not PEM: no line -----BEGIN %s-----", path, wanted), fmt.Sprintf("a PEM file with a %s block", wanted)
	}
	if slices.Contains(found, "ENCRYPTED PRIVATE KEY") {
		return nil, path + " is protected by a pass phrase, which nobody could enter at a start", "a key without one (openssl pkey -in … -out …), readable by the service alone"
	}
	return nil, fmt.Sprintf("%s holds %s, and no %s", path, strings.Join(slices.Compact(found), ", "), wanted), fmt.Sprintf("a PEM file with a %s block", wanted)
}
