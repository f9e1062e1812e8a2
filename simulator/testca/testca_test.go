package testca_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"b2bua/simulator/testca"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// check does what a client does with the certificate of a server.
func check(t *testing.T, server tls.Certificate, roots *x509.CertPool, name string) error {
	t.Helper()
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	require.NoError(t, err)
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
	return err
}

func TestIssue(t *testing.T) {
	ca, err := testca.New()
	require.NoError(t, err)
	c, err := ca.Issue("jabiru.example.org", "127.0.0.3", "::1")
	require.NoError(t, err)
	for _, name := range []string{"jabiru.example.org", "127.0.0.3", "::1"} {
		require.NoError(t, check(t, c, ca.Pool(), name), name)
	}
	require.Error(t, check(t, c, ca.Pool(), "flexisip.example.org"))
	other, err := testca.New()
	require.NoError(t, err)
	require.Error(t, check(t, c, other.Pool(), "jabiru.example.org"))
	_, err = ca.Issue()
	require.Error(t, err)
}

func TestWriteDir(t *testing.T) {
	ca, err := testca.New()
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "tls")
	require.NoError(t, ca.WriteDir(dir, "jabiru.example.org"))
	c, err := tls.LoadX509KeyPair(filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	require.NoError(t, err)
	assert.Equal(t, ca.PEM(), text)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(text))
	require.NoError(t, check(t, c, roots, "jabiru.example.org"))
	info, err := os.Stat(filepath.Join(dir, "key.pem"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	require.Error(t, ca.WriteDir(filepath.Join(dir, "key.pem"), "x"), "not a directory")
	require.Error(t, ca.WriteDir(dir))
}
