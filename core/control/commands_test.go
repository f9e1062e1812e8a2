package control

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/config"
)

// Spec 4.12, octet for octet; a blank stands before each line that ends with a colon and a list or object after it.
func TestInfo(t *testing.T) {
	bridge := &Bridge{Providers: func() []Provider {
		return []Provider{{Name: "provider1", Accounts: []Account{{Address: "sip:account1@sip.example.org", Status: "OK", FreeSlots: 682}}}}
	}}
	want := strings.ReplaceAll(`{
	"providers" :~
	[
		{
			"accounts" :~
			[
				{
					"address" : "sip:account1@sip.example.org",
					"freeSlots" : 682,
					"registerEnabled" : false,
					"status" : "OK"
				}
			],
			"name" : "provider1"
		}
	]
}`, "~", " ")
	assert.Equal(t, want, bridge.Handle("SIP_BRIDGE", []string{"INFO"})())
	assert.Equal(t, want, bridge.Handle("SIP_BRIDGE", []string{"INFO", "more"})())
	usage := "Valid subcommands for SIP_BRIDGE:\n  INFO  displays information on the current state of the bridge."
	assert.Equal(t, usage, bridge.Handle("SIP_BRIDGE", nil)())
	assert.Equal(t, usage, bridge.Handle("SIP_BRIDGE", []string{"info"})())
	assert.Nil(t, bridge.Handle("OTHER", []string{"INFO"}))

	assert.Equal(t, "{\n\t\"providers\" : null\n}", Info(nil))
	two := Info([]Provider{
		{Name: "empty"},
		{Name: `"quoted" <&> é`, Accounts: []Account{
			{Address: `"Name" <sip:a@b>`, Status: "Registration failed: Bad credentials", FreeSlots: 3, RegisterEnabled: true},
			{Address: "sip:c@b", Status: "OK", RegisterEnabled: true},
		}},
	})
	assert.Contains(t, two, "\"accounts\" : null,\n\t\t\t\"name\" : \"empty\"\n\t\t},\n\t\t{\n")
	assert.Contains(t, two, `"name" : "\"quoted\" <&> é"`)
	assert.Contains(t, two, "\t\t\t\t{\n\t\t\t\t\t\"address\" : \"\\\"Name\\\" <sip:a@b>\",\n\t\t\t\t\t\"status\" : \"Registration failed: Bad credentials\"\n\t\t\t\t},\n\t\t\t\t{")
	assert.True(t, json.Valid([]byte(two)))
}

func settings(t testing.TB, ini string) *Settings {
	t.Helper()
	_, report := config.Load([]config.File{{Name: "b2bua.conf", Data: []byte(ini)}}, nil)
	require.False(t, report.Failed(), "%v", report.Findings)
	return &Settings{Config: report.Settings(), SetLevel: func(string, string) error { return nil }, Changed: func(string, string) {}}
}

func TestSettings(t *testing.T) {
	s := settings(t, "[b2bua-server]\nmax-calls=12\n[module::Registrar]\nredis-auth-password=geheim\n")
	var set []string
	s.SetLevel = func(key, level string) error { set = append(set, key+"="+level); return nil }
	ask := func(line string) string {
		words := strings.Split(line, " ")
		return s.Handle(words[0], words[1:])()
	}
	for _, v := range []struct{ request, want string }{
		{"CONFIG_GET b2bua-server/max-calls", "b2bua-server/max-calls: 12"},
		{"GET b2bua-server/enable-ice", "b2bua-server/enable-ice: true"},
		{"GET module::Registrar/redis-auth-password", "module::Registrar/redis-auth-password: [redacted]"},
		{"GET module::Registrar/redis-auth-user", "module::Registrar/redis-auth-user: "},
		{"GET", "Error - 'CONFIG_GET' command expects 1 argument: <path>"},
		{"LIST", "Error - 'CONFIG_LIST' command expects 1 argument: <section>"},
		{"SET", "Error - 'CONFIG_SET' command expects 2 arguments: <path> <value>"},
		{"SET global/log-level", "Error - 'CONFIG_SET' command expects 2 arguments: <path> <value>"},
		{"GET b2bua-server/none", "Error - Not found: b2bua-server/none"},
		{"GET none", "Error - Not found: none"},
		{"LIST none/none/none", "Error - Not found: none/none/none"},
		{"SET none 1", "Error - Not found: none"},
		{"SET b2bua-server/max-calls 3", `Error - Failed to set "3": setting cannot be set while Flexisip is running`},
		{"SET global/log-directory /tmp", `Error - Failed to set "/tmp": setting cannot be set while Flexisip is running`},
		{"SET global/log-level warning", "global/log-level: warning"},
		{"GET global/log-level", "global/log-level: warning"},
		{"SET global/syslog-level debug", "global/syslog-level: debug"},
		{"SET global/log-level loud", `Error - Failed to set global/log-level: unknown log level "loud", write one of debug, message, warning, error`},
		{"GET global/log-level", "global/log-level: warning"},
		{"SET global/debug 1", "global/debug: true"},
		{"GET global/log-level", "global/log-level: debug"},
		{"GET global/debug", "global/debug: true"},
		{"SET global/sofia-level 7", "global/sofia-level: 7"},
		{"GET global/sofia-level", "global/sofia-level: 7"},
		{"SET global/sofia-level 10", "Error - Failed to set Sofia-SIP log level: global/sofia-level levels range from 1 to 9"},
		{"SET global/contextual-log-level error", "global/contextual-log-level: error"},
		{"SET global/contextual-log-level x", `Error - Failed to set global/contextual-log-level: unknown log level "x", write one of debug, message, warning, error`},
		{"SET global/contextual-log-filter is_response || a == b", "global/contextual-log-filter: is_response || a == b"},
		{"SET global/show-body-for true", "global/show-body-for: true"},
	} {
		assert.Equal(t, v.want, ask(v.request), v.request)
	}
	assert.Equal(t, []string{"log-level=warning", "syslog-level=debug", "log-level=debug"}, set)
	assert.Nil(t, s.Handle("SIP_BRIDGE", nil))

	section := ask("GET b2bua-server")
	assert.Contains(t, section, "b2bua-server/application: trenscrypter\r\nb2bua-server/transport: ")
	assert.True(t, strings.HasSuffix(section, "\r\n"))
	assert.Contains(t, ask("GET global"), "global/sofia-level: 7\r\n")
	assert.Contains(t, ask("GET all"), "[global]\r\n[b2bua-server]\r\n")
	assert.Contains(t, ask("LIST all"), "[b2bua-server]: Flexisip back-to-back user agent")
	assert.Contains(t, ask("LIST b2bua-server"), "\r\nmax-calls: ")
	assert.True(t, strings.HasPrefix(ask("LIST b2bua-server/max-calls"), "max-calls: "))
	for _, all := range []string{"GET module::Registrar", "LIST module::registrar"} {
		assert.NotContains(t, ask(all), "geheim")
	}
}

// Whatever is sent, there is an answer and nothing else changes.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{"SIP_BRIDGE INFO", "CONFIG_GET all", "CONFIG_SET global/log-level debug\n", "GET global/", "SET / /", " ", "\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		var table Table
		table.Register(settings(t, ""))
		table.Register(&Bridge{Providers: func() []Provider { return nil }})
		command, args := parse(request)
		a := table.Handle(command, args)
		if a == nil {
			t.Fatal("no answer")
		}
		if text := a(); len(text) > 1<<20 {
			t.Fatalf("%d bytes", len(text))
		}
	})
}
