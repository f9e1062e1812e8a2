package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/app"
	"b2bua/core/config"
	"b2bua/core/sip"
	"b2bua/core/transport"
)

func TestMediaAddressOfAnotherHost(t *testing.T) {
	own, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.77")
	assert.Empty(t, checkMediaAddress([]netip.Addr{own}))
	faults := checkMediaAddress([]netip.Addr{own, other})
	require.Len(t, faults, 1)
	assert.Equal(t, "b2bua/media-address", faults[0].Name())
	assert.Contains(t, faults[0].Problem, "it has 127.0.0.1")

	err := fmt.Errorf("cannot bind: %w", syscall.EADDRNOTAVAIL)
	assert.ErrorContains(t, explainBind(err, []netip.Addr{other}, own, other), "b2bua/media-address=192.0.2.77 is not an address of this host, which has 127.0.0.1")
	assert.Equal(t, err, explainBind(err, nil, other), "the system chose it")
	assert.Equal(t, os.ErrClosed, explainBind(os.ErrClosed, []netip.Addr{other}, other))
}

// pair makes name.pem and name.key in dir.
func pair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key
}

func TestCheckOfTLSFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "a")
	_, other := pair(t, dir, "b")
	text, locked := filepath.Join(dir, "text"), filepath.Join(dir, "locked")
	require.NoError(t, os.WriteFile(text, []byte("Mellon"), 0o600))
	require.NoError(t, os.WriteFile(locked, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), 0o600))
	type row struct{ cert, key, ca string }
	for given, want := range map[row][][2]string{
		{}:                       nil,
		{cert, key, cert}:        nil,
		{cert: cert}:             nil, // config reports it
		{cert: cert, key: other}: {{"key", "does not go with certificate"}},
		{cert: key, key: cert}:   {{"certificate", "holds PRIVATE KEY, and no CERTIFICATE"}, {"key", "holds CERTIFICATE, and no PRIVATE KEY"}},
		{cert: text, key: locked, ca: "/nowhere/ca"}: {
			{"ca-file", "/nowhere/ca does not exist"}, {"certificate", "is not PEM: no line -----BEGIN CERTIFICATE-----"}, {"key", "protected by a pass phrase"},
		},
		{cert: dir, key: key, ca: key}: {{"ca-file", "and no CERTIFICATE"}, {"certificate", "cannot be read: is a directory"}},
	} {
		c, _ := config.Load(nil, nil)
		c.TLS.Certificate, c.TLS.Key, c.TLS.CAFile = given.cert, given.key, given.ca
		list := Check(c)
		require.Len(t, list, len(want), "%+v: %v", given, list)
		for i, f := range list {
			assert.Equal(t, config.Fault, f.Severity)
			assert.Equal(t, "b2bua::tls/"+want[i][0], f.Name())
			assert.Contains(t, f.Problem, want[i][1])
			assert.NotEmpty(t, f.Fix)
			assert.NotContains(t, f.Text(), "Mellon")
		}
		tc := transport.Config{TLSClient: &tls.Config{MinVersion: tls.VersionTLS12}}
		err := certificates(&tc, c.TLS) // the start finds the same
		if want == nil {
			require.NoError(t, err)
			assert.Equal(t, given.key != "", tc.TLS != nil)
			assert.Equal(t, given.ca != "", tc.TLSClient.RootCAs != nil)
			continue
		}
		var refused *ConfigError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, list, refused.Findings)
		assert.Contains(t, err.Error(), want[0][1])
	}
}

func TestCheckOfWhatThisVersionLacks(t *testing.T) {
	c, r := config.Load([]config.File{{Name: "f", Data: []byte("[b2bua-server]\napplication=sip-bridge\n[b2bua-server::sip-bridge]\nproviders=/nowhere/providers.json\n[b2bua-server::trenscrypter]\n" +
		"outgoing-enc-regex=sdes .*a none .*b zrtp .*c dtls-srtp .*d\n[b2bua]\nstrict=true\n")}}, nil)
	require.False(t, r.Failed())
	r.Add(Check(c)...)
	require.True(t, r.Failed())
	assert.Contains(t, r.Of(config.Fault)[0].String(), "f:4: b2bua-server::sip-bridge/providers: failed to open external SIP providers JSON configuration file '/nowhere/providers.json'")
	c.B2BUA.Application = config.AppTrenscrypter
	require.Empty(t, r.Of(config.Warning))
	for _, host := range []string{"a", "b", "c", "d"} {
		to, err := sip.ParseURI("sip:x@" + host)
		require.NoError(t, err)
		d, err := Explain(t.Context(), c, app.Facts{To: sip.Address{URI: to}})
		require.NoError(t, err)
		assert.Nil(t, d.Refusal, "a rule that --check says nothing of is followed")
	}
}
