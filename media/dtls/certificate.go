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
	"math/big"
	"time"

	"b2bua/media/sdp"
)

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
