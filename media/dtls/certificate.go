package dtls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"b2bua/media/sdp"
)

// fileName of certificate and key in the data directory.
const fileName = "dtls-srtp.pem"

// validity of a new certificate. Peers check its fingerprint, few of them the dates; a server runs for years.
const validity = 10 * 365 * 24 * time.Hour

// Certificate is what we show in DTLS, self-signed.
type Certificate struct {
	tls         tls.Certificate
	fingerprint sdp.Fingerprint
}

// Fingerprint for our session descriptions.
func (c *Certificate) Fingerprint() sdp.Fingerprint { return c.fingerprint }

// String is the fingerprint; the key is never printed.
func (c *Certificate) String() string { return c.fingerprint.String() }

// GoString is String.
func (c *Certificate) GoString() string { return c.String() }

// LoadCertificate takes the certificate of a directory, which it makes, with one missing parent, and fills on the first start. Where
// that cannot be done, and where dir is empty, the certificate lives in memory only; then warning says why, and the next start has
// another fingerprint. err is a system without randomness.
func LoadCertificate(dir string, now time.Time) (c *Certificate, warning, err error) {
	if dir == "" {
		c, _, err = generate(now)
		return c, nil, err
	}
	path := filepath.Join(dir, fileName)
	c, readErr := readFile(path, now)
	if readErr == nil {
		return c, nil, nil
	}
	c, text, err := generate(now)
	if err != nil {
		return nil, nil, err
	}
	if err := makeDir(dir); err != nil {
		return c, warn(path, err), nil
	}
	if !errors.Is(readErr, os.ErrNotExist) {
		warning = fmt.Errorf("the DTLS-SRTP certificate in %s was replaced, peers see a new fingerprint: %w", path, readErr)
	}
	if err := writeFile(path, text); err != nil {
		return c, warn(path, err), nil
	}
	return c, warning, nil
}

func warn(path string, err error) error {
	return fmt.Errorf("the DTLS-SRTP certificate cannot be kept in %s (b2bua-server/data-directory); it lives in memory, and changes with the next start: %w", path, err)
}

// makeDir makes the directory and at most one parent (spec 1.2).
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.Mkdir(filepath.Dir(dir), 0o755); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// readFile refuses what others may read: the key proves who we are.
func readFile(path string, now time.Time) (*Certificate, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read its key (mode %04o)", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, errors.New("it holds no matching pair of certificate and key")
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	if now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("it expired on %s", leaf.NotAfter.Format(time.DateOnly))
	}
	return &Certificate{tls: pair, fingerprint: sdp.FingerprintOf(pair.Certificate[0])}, nil
}

// writeFile replaces the file at once: another process never sees half of it.
func writeFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+fileName+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// generate makes a key on P-256 and a certificate that names nothing.
func generate(now time.Time) (*Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: "b2bua"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(validity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: raw}) // a buffer takes everything
	_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	c := &Certificate{tls: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, fingerprint: sdp.FingerprintOf(der)}
	return c, text.Bytes(), nil
}
