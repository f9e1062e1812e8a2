package proxy_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"b2bua/simulator/proxy"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// config writes files and reads flexisip.conf of them.
func config(t *testing.T, files map[string]string) (proxy.Config, []string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return proxy.ReadFlexisip(filepath.Join(dir, "flexisip.conf"), map[string]netip.Addr{"flexisip.example.org": netip.MustParseAddr("127.0.0.2")})
}

const seedRoute = "(request.uri.domain == 'example.net' && request.uri.params contains 'user=phone')"

func TestReadFlexisip(t *testing.T) {
	cfg, warnings, err := config(t, map[string]string{
		"flexisip.conf": `# of the example
[global]
transports=sip:flexisip.example.org;transport=tcp sips:127.0.0.3 sip:x;maddr=127.0.0.4
log-level=debug
[module::Registrar]
reg-domains=flexisip.example.org b.example.org
static-records-file=records.conf
max-contacts-by-aor=3
[module::B2bua]
enable=true
filter=
[module::Router]
call-fork-current-branches-timeout=2
fork-late=true
[module::Forward]
enabled=true
routes-config-path=routes.conf
[module::Authentication]
auth-domains=flexisip.example.org
[b2bua-server]
user-agent=Bridge/{version}
`,
		"routes.conf":  "# numbers\n<sip:127.0.0.1:6667;transport=tcp>     " + seedRoute + "\n<sip:127.0.0.9>\trequest.method == 'MESSAGE'\n  && user-agent contains 'x'\n<sip:127.0.0.8> *\n",
		"records.conf": "# fallback\n<sip:pauline@flexisip.example.org> <sip:+33612345678@example.net;user=phone>;q=0.5\n",
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"tcp:127.0.0.2:5060", "tls:127.0.0.3:5061", "udp:127.0.0.4:5060", "tcp:127.0.0.4:5060"}, cfg.Listen)
	assert.Equal(t, []string{"flexisip.example.org", "b.example.org"}, cfg.Domains)
	assert.Equal(t, proxy.Divert{URI: "sip:127.0.0.1:6067;transport=tcp"}, cfg.Divert)
	assert.Equal(t, 2*time.Second, cfg.Fallback)
	assert.Equal(t, 3, cfg.MaxContacts)
	assert.Equal(t, []proxy.Static{{AOR: "sip:pauline@flexisip.example.org", Contacts: "<sip:+33612345678@example.net;user=phone>;q=0.5"}}, cfg.Static)
	assert.Equal(t, []proxy.Route{
		{To: "<sip:127.0.0.1:6667;transport=tcp>", When: seedRoute},
		{To: "<sip:127.0.0.9>", When: "request.method == 'MESSAGE' && user-agent contains 'x'"},
		{To: "<sip:127.0.0.8>"},
	}, cfg.Routes)
	require.Len(t, warnings, 2)
	assert.Contains(t, warnings[0], "line 14: fork-late of [module::router] is not simulated")
	assert.Contains(t, warnings[1], "enable=true of [module::B2bua] is no key of Flexisip; it is taken for enabled=true here")
}

func TestReadFlexisipDefaults(t *testing.T) {
	cfg, warnings, err := config(t, map[string]string{"flexisip.conf": "[module::Router]\ncall-fork-current-branches-timeout=0\n[b2bua-server]\nuser-agent=Bridge/1\n"})
	require.NoError(t, err)
	assert.Empty(t, warnings)
	assert.Equal(t, proxy.Config{Divert: proxy.Divert{UserAgent: "Bridge/1"}, Domains: []string{}, Fallback: -1}, cfg)
	cfg, _, err = config(t, map[string]string{"flexisip.conf": ""})
	require.NoError(t, err)
	assert.Equal(t, 10*time.Second, cfg.Fallback)
}

func TestReadFlexisipFaults(t *testing.T) {
	for text, want := range map[string]string{
		"[global]\ntransports=sip:unknown.example.org":              "the address of unknown.example.org is not known",
		"[global]\ntransports=x":                                    "global/transports=x: ",
		"[module::B2bua]\nenabled=yes":                              "module::b2bua/enabled=yes: write true or false",
		"[module::Router]\ncall-fork-current-branches-timeout=soon": "=soon: write seconds",
		"[module::Forward]\nroutes-config-path=gone.conf":           "gone.conf",
		"[module::Forward]\nroutes-config-path=bad.conf":            "a closing parenthesis is missing",
		"[module::Registrar]\nmax-contacts-by-aor=many":             "write a number from 1",
		"[module::Registrar]\nstatic-records-file=gone.conf":        "gone.conf",
	} {
		_, _, err := config(t, map[string]string{"flexisip.conf": text, "bad.conf": "<sip:127.0.0.1> (true"})
		assert.ErrorContains(t, err, want, text)
	}
	_, _, err := proxy.ReadFlexisip(filepath.Join(t.TempDir(), "none"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestParseRoutesFaults(t *testing.T) {
	for text, want := range map[string]string{
		" true":                  "line 1 continues nothing",
		"sip:127.0.0.1 true":     "line 1: write <sip:ADDRESS> CONDITION",
		"<sip:127.0.0.1>":        "has no condition: write *",
		"<nonsense> *":           `route "<nonsense>"`,
		"<sip:127.0.0.1> colour": `"colour" is no variable`,
	} {
		_, err := proxy.ParseRoutes(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func FuzzParseRoutes(f *testing.F) {
	f.Add("<sip:127.0.0.1:6667;transport=tcp>     " + seedRoute)
	f.Add("# x\n<sip:a>\t*\n  && true\n")
	f.Fuzz(func(t *testing.T, text string) {
		routes, err := proxy.ParseRoutes(text)
		if err != nil {
			return
		}
		for _, r := range routes {
			again := r.When
			if again == "" {
				again = "*"
			}
			same, err := proxy.ParseRoutes(r.To + " " + again)
			require.NoError(t, err)
			require.Equal(t, []proxy.Route{r}, same)
		}
	})
}
