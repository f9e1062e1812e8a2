package steps

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// authority signs the certificates of one scenario.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func template(name string, from, until time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := template("scenario", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	root.IsCA, root.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key}, err
}

// issue makes a certificate for an address, and for names that have it. kind: good, of its names only, of another host, self-signed, expired.
func (a *authority) issue(at netip.Addr, kind string, names ...string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := template("b2bua scenario", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	leaf.IPAddresses, leaf.DNSNames = []net.IP{at.AsSlice()}, names
	parent, signer := a.certificate, a.key
	switch kind {
	case "good":
	case "of its names only":
		leaf.IPAddresses = nil
	case "of another host":
		leaf.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)}
	case "expired":
		leaf.NotBefore, leaf.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	case "self-signed":
		parent, signer = leaf, key
	default:
		return tls.Certificate{}, fmt.Errorf("no kind of certificate %q", kind)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, &key.PublicKey, signer)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// pool is what trusts the authority.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// certificate gives b2bua a certificate for its address and the authority of the scenario, by its settings.
func (w *World) certificate() error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	w.authority = authority
	own, err := authority.issue(w.b2bua.Addr(), "good")
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		setting, kind string
		der           []byte
	}{
		{"certificate", "CERTIFICATE", own.Certificate[0]},
		{"key", "PRIVATE KEY", key},
		{"ca-file", "CERTIFICATE", authority.certificate.Raw},
	} {
		path := filepath.Join(w.dir, file.setting+".pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der}), 0o600); err != nil {
			return err
		}
		if err := w.settings.set("b2bua::tls/"+file.setting, path); err != nil {
			return err
		}
	}
	return nil
}
