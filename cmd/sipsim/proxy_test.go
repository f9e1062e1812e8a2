package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/proxy"
)

// The examples are what this program reads of them.
func TestExamples(t *testing.T) {
	hosts := map[string]string{"Flexisip.example.org": "127.0.0.2"}
	cfg, err := (&proxyCmd{Config: "../../simulator/examples/bridge/flexisip.conf", Hosts: hosts, MaxContacts: 10}).config(nil)
	require.NoError(t, err)
	assert.Equal(t, proxy.Config{
		Listen: []string{"tcp:127.0.0.2:5060"}, Domains: []string{"flexisip.example.org"}, Fallback: 10 * time.Second, MaxContacts: 10,
		Hosts: map[string]netip.Addr{"flexisip.example.org": netip.MustParseAddr("127.0.0.2")}, Divert: proxy.Divert{URI: "sip:127.0.0.1:6067;transport=tcp"},
	}, cfg)
	cfg, err = (&proxyCmd{Config: "../../simulator/examples/pstn/flexisip.conf", Hosts: hosts}).config(nil)
	require.NoError(t, err)
	assert.Equal(t, 5*time.Second, cfg.Fallback)
	assert.Len(t, cfg.Static, 1)
	assert.Len(t, cfg.Routes, 1)
	assert.Empty(t, cfg.Divert.URI)
}

func TestFlagsGoBeforeTheFile(t *testing.T) {
	routes := filepath.Join(t.TempDir(), "routes.conf")
	require.NoError(t, os.WriteFile(routes, []byte("<sip:127.0.0.9> *\n"), 0o600))
	cfg, err := (&proxyCmd{
		Config: "../../simulator/examples/pstn/flexisip.conf", Hosts: map[string]string{"flexisip.example.org": "::1"}, Listen: []string{"udp:127.0.0.1:0"},
		Domain: []string{"a.example.org"}, B2BUA: "sip:127.0.0.7", UserAgent: "x", Filter: "true", Routes: routes, Fallback: time.Second,
	}).config(nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"udp:127.0.0.1:0"}, cfg.Listen)
	assert.Equal(t, []string{"a.example.org"}, cfg.Domains)
	assert.Equal(t, proxy.Divert{URI: "sip:127.0.0.7", UserAgent: "x", Filter: "true"}, cfg.Divert)
	assert.Equal(t, []proxy.Route{{To: "<sip:127.0.0.9>"}}, cfg.Routes)
	assert.Equal(t, time.Second, cfg.Fallback)
	cfg, err = (&proxyCmd{}).config(nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"tcp:127.0.0.1:5060"}, cfg.Listen)
}

func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	out, status := background("authority", "--dir", dir, "jabiru.example.org", "127.0.0.1")
	require.Equal(t, exitOK, <-status, out.String())
	files := tlsFlags{Certificate: filepath.Join(dir, "certificate.pem"), Key: filepath.Join(dir, "key.pem"), CAFile: filepath.Join(dir, "ca.pem")}
	server, client, err := files.load()
	require.NoError(t, err)
	assert.Len(t, server.Certificates, 1)
	assert.NotNil(t, client.RootCAs)
	server, client, err = (&tlsFlags{}).load()
	require.NoError(t, err)
	assert.Nil(t, server)
	assert.Nil(t, client)
	_, _, err = (&tlsFlags{CAFile: filepath.Join(dir, "key.pem")}).load()
	require.ErrorContains(t, err, "no certificate in it")
}
