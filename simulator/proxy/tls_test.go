package proxy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// certificate makes a server configuration for 127.0.0.1 and a client one that trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "simulator"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}

func TestCallOverTLS(t *testing.T) {
	server, client := certificate(t)
	p := start(t, proxy.Config{Listen: []string{"tls:127.0.0.1:0"}, TLS: server, TLSClient: client})
	phones := map[string]*endpoint.Phone{}
	for _, name := range []string{"marie", "pauline"} {
		ph, err := endpoint.New(endpoint.Config{
			Name: name, AOR: "sip:" + name + "@sip.example.org", Proxy: p.URI(), Listen: "tls:127.0.0.1:0", TLS: server, TLSClient: client,
			Media: endpoint.Media{Encryption: "sdes"},
		})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, ph.Close()) })
		require.NoError(t, ph.Register(within(t), time.Hour))
		phones[name] = ph
	}
	a, err := phones["marie"].Call("sip:pauline@sip.example.org", endpoint.CallOptions{})
	require.NoError(t, err)
	b, err := phones["pauline"].WaitIncoming(within(t))
	require.NoError(t, err)
	assert.Contains(t, b.Invite().Header("Via"), "SIP/2.0/TLS")
	require.NoError(t, b.Answer(nil))
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, a.WaitAudio(within(t), phones["pauline"].Tone()))
	require.NoError(t, a.HangUp())
	require.NoError(t, b.WaitReleased(within(t)))
}

func TestUntrustedTLSFails(t *testing.T) {
	server, _ := certificate(t)
	p := start(t, proxy.Config{Listen: []string{"tls:127.0.0.1:0"}, TLS: server})
	ph, err := endpoint.New(endpoint.Config{Name: "marie", AOR: "sip:marie@sip.example.org", Proxy: p.URI()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ph.Close()) })
	assert.Error(t, ph.Register(within(t), time.Hour))
}
