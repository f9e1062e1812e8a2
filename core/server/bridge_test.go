package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/app"
	"b2bua/core/config"
	"b2bua/core/sip"
)

// bridgeConfig is a configuration whose providers file, beside it, has that text.
func bridgeConfig(t *testing.T, providers, more string) (*config.Config, *config.Report, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "providers.json")
	require.NoError(t, os.WriteFile(path, []byte(providers), 0o600))
	cfg, report := config.Load([]config.File{{Name: filepath.Join(dir, "b2bua.conf"), Data: []byte(
		"[b2bua-server]\napplication=sip-bridge\n[b2bua-server::sip-bridge]\nproviders=providers.json\n" + more)}}, nil)
	require.False(t, report.Failed())
	return cfg, report, path
}

const oneProvider = `[{"name": "p", "pattern": "sip:.*", "registrationRequired": true, "accounts": [{"uri": "sip:a@x.org"}]}]`

func TestTheProvidersFileIsFoundBesideTheConfiguration(t *testing.T) {
	cfg, report, path := bridgeConfig(t, oneProvider, "")
	report.Add(Check(cfg)...)
	assert.Empty(t, report.Findings)
	_, bridge, err := application(cfg)
	require.NoError(t, err)
	assert.Equal(t, "sip-bridge: providers=1 pools=1 accounts=1, from "+path, summary(bridge, path))
}

func TestWhatIsWrongWithTheProvidersFileHasItsPlace(t *testing.T) {
	cfg, report, path := bridgeConfig(t, "[{\"name\": \"p\",\n \"pattern\": \"+33\", \"pasword\": 1,\n \"accounts\": [{\"uri\": \"sip:a@x.org\", \"passwrd\": \"Mellon\"}]}]", "")
	report.Add(Check(cfg)...)
	require.Len(t, report.Of(config.Fault), 1)
	assert.Equal(t, path+`:2:14: [0].pattern = +33: invalid pattern: nothing to repeat before + (character 1); write "pattern": "sip:\\+33"`, report.Of(config.Fault)[0].String())
	require.Len(t, report.Of(config.Warning), 2)
	assert.Equal(t, path+`:3:38: [0].accounts[0].passwrd: this member is not known and ignored; write "password"`, report.Of(config.Warning)[1].String())

	_, _, err := application(cfg)
	var unusable *ConfigError
	require.ErrorAs(t, err, &unusable)
	assert.Equal(t, report.Of(config.Fault)[0].String(), unusable.Error(), "the start finds what --check finds")
}

func TestStrictRefusesIgnoredMembers(t *testing.T) {
	const file = `[{"name": "p", "pattern": "sip:.*", "outbound-proxy": "<sip:x.org>"}]`
	cfg, report, _ := bridgeConfig(t, file, "")
	report.Add(Check(cfg)...)
	assert.False(t, report.Failed())
	cfg, report, _ = bridgeConfig(t, file, "[b2bua]\nstrict=true\n")
	report.Add(Check(cfg)...)
	require.True(t, report.Failed())
	assert.Equal(t, `"outboundProxy"`, report.Of(config.Fault)[0].Fix)
}

func TestProvidersFilesThatCannotBeRead(t *testing.T) {
	cfg, report, path := bridgeConfig(t, oneProvider, "")
	require.NoError(t, os.Remove(path))
	report.Add(Check(cfg)...)
	require.Len(t, report.Of(config.Fault), 1)
	assert.Contains(t, report.Of(config.Fault)[0].String(), "b2bua.conf:4: b2bua-server::sip-bridge/providers: failed to open external SIP providers JSON configuration file '"+path+"': no such file")
	require.NoError(t, os.Mkdir(path, 0o700))
	_, faults := loadBridge(cfg)
	require.Len(t, faults, 1)
	assert.Contains(t, faults[0].Problem, "is a directory")
}

func TestExplainTakesAccountsAsRegistered(t *testing.T) {
	cfg, _, _ := bridgeConfig(t, oneProvider, "")
	u, err := sip.ParseURI("sip:b@y.org")
	require.NoError(t, err)
	facts := app.Facts{To: sip.Address{URI: u}, From: sip.Address{URI: u}, RequestURI: u}
	d, err := Explain(t.Context(), cfg, facts)
	require.NoError(t, err)
	require.Nil(t, d.Refusal, d.Why)
	assert.Equal(t, "sip:a@x.org", d.Account.URI())
	e, err := ExplainBridge(t.Context(), cfg, facts)
	require.NoError(t, err)
	require.Len(t, e.Steps, 1)
	assert.Equal(t, "p", e.Steps[0].Provider)
}
