package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// certificate makes a self-signed one for a name, and the pool that trusts it.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func serving(c tls.Certificate) setting {
	return func(cfg *Config) {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
	}
}

func trusting(pool *x509.CertPool) setting {
	return func(cfg *Config) { cfg.TLSClient = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} }
}

// names is a resolver of the test's own zone.
type names struct {
	hosts map[string][]string
	srv   map[string][]*net.SRV
}

func (n names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if list := n.srv["_"+service+"._"+proto+"."+name]; list != nil {
		return "", list, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (n names) LookupNetIP(_ context.Context, _, host string) (out []netip.Addr, err error) {
	for _, a := range n.hosts[host] {
		out = append(out, netip.MustParseAddr(a))
	}
	if out == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return out, nil
}

func resolving(n names) setting { return func(cfg *Config) { cfg.Resolver = n } }

// TLS verifies the host of the URI, as an address or as a name, and not what DNS makes of it.
func TestTLS(t *testing.T) {
	byName, namePool := certificate(t, "proxy.example.com")
	byIP, ipPool := certificate(t, "127.0.63.1")
	zone := names{hosts: map[string][]string{"proxy.example.com": {"127.0.63.1"}, "other.example.com": {"127.0.63.1"}}}
	for _, v := range []struct {
		name, uri string
		cert      tls.Certificate
		pool      *x509.CertPool
		ok        bool
	}{
		{"address, sip", "sip:127.0.63.1:%d;transport=tls", byIP, ipPool, true},
		{"address, sips", "sips:127.0.63.1:%d", byIP, ipPool, true},
		{"name, sips", "sips:proxy.example.com:%d", byName, namePool, true},
		{"name, transport=tls", "sip:proxy.example.com:%d;transport=TLS", byName, namePool, true},
		{"another name", "sips:other.example.com:%d", byName, namePool, false},
		{"address against a name", "sips:127.0.63.1:%d", byName, namePool, false},
		{"unknown authority", "sips:proxy.example.com:%d", byName, ipPool, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			uas := answering(t, 200, listenOn("tls", "127.0.63.1:0"), serving(v.cert))
			uac := newUser(t, trusting(v.pool), resolving(zone))
			id := uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf(v.uri, uas.at().Port())), NextHop{})
			if !v.ok {
				h := uac.next("failure")
				assert.Equal(t, id, h.tx)
				var flow *FlowError
				require.ErrorAs(t, h.err, &flow)
				assert.Contains(t, flow.Doing, "TLS handshake")
				return
			}
			assert.Equal(t, 200, uac.next("response").msg.Status)
			h := uas.next("request")
			assert.Equal(t, "tls", h.flow.Network)
			assert.Equal(t, "TLS", h.msg.Via[0].Transport)
		})
	}
}

func TestTLSNeedsCertificate(t *testing.T) {
	_, err := New(Config{Listen: []Listener{{"tls", netip.MustParseAddrPort("127.0.63.1:0")}}}, &user{})
	require.ErrorContains(t, err, "certificate")
}

// Connections towards one address whose certificates were verified for different names are not shared.
func TestTLSConnectionsPerName(t *testing.T) {
	cert, pool := certificate(t, "a.example.com")
	zone := names{hosts: map[string][]string{"a.example.com": {"127.0.63.2"}, "b.example.com": {"127.0.63.2"}}}
	uas := answering(t, 200, listenOn("tls", "127.0.63.2:0"), serving(cert))
	uac := newUser(t, trusting(pool), resolving(zone))
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sips:a.example.com:%d", uas.at().Port())), NextHop{})
	uac.next("response")
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sips:b.example.com:%d", uas.at().Port())), NextHop{})
	require.Error(t, uac.next("failure").err)
}
