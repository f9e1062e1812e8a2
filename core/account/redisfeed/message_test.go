package redisfeed

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

func TestMessage(t *testing.T) {
	k, err := ParseMessage([]byte(`{"username":"account2","domain":"some.provider.example.com","identifier":"userID"}`))
	require.NoError(t, err)
	assert.Equal(t, Key{"sip:account2@some.provider.example.com", "userID"}, k)
	k, err = ParseMessage([]byte(" {\"identifier\":\"\", \"more\":[1,{}], \"domain\":\"example.org:5070\",\n\"username\":\"a%6C\"}\n"))
	require.NoError(t, err)
	assert.Equal(t, Key{"sip:al@example.org:5070", ""}, k, "canonical; identifier may be empty; others are ignored")
}

func TestMalformedMessages(t *testing.T) {
	for text, want := range map[string]string{
		``:                              "empty",
		`null`:                          "null, not an object",
		`"x"`:                           "a string, not an object",
		`[]`:                            "an array, not an object",
		`{"username":"mellon"`:          "not JSON",
		`{"username":"a","domain":"b"}`: `"identifier" is missing`,
		`{"Username":"a","domain":"b","identifier":"c"}`:                               `"username" is missing`,
		`{"username":"a","domain":"b","identifier":7}`:                                 `"identifier" is a number, not a string`,
		`{"username":"a","domain":null,"identifier":"c"}`:                              `"domain" is null, not a string`,
		`{"username":"","domain":"b","identifier":"c"}`:                                `"username" is empty`,
		`{"username":"a","domain":"","identifier":"c"}`:                                `"domain" is empty`,
		`{"username":"a","domain":"mellon mellon","identifier":"c"}`:                   "no SIP URI",
		`{"username":"a","domain":"b\r\nmellon","identifier":"c"}`:                     "no SIP URI",
		`{"username":"a","domain":"b","identifier":"c"} mellon`:                        "follows",
		`{"username":"a","username":"mellon","domain":"b","identifier":"c"}`:           "not JSON",
		`{"username":"mellon","domain":"b","identifier":"` + strings.Repeat("c", 4096): "more than 4096",
	} {
		_, err := ParseMessage([]byte(text))
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "mellon", "what a message holds is not for the log")
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"username":"account2","domain":"some.provider.example.com","identifier":"userID"}`))
	f.Add([]byte(`{"username":"a@b","domain":"[::1]:5060;transport=tcp","identifier":"\u0000"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		k, err := ParseMessage(payload)
		if err != nil {
			require.Equal(t, Key{}, k)
			require.Less(t, len(err.Error()), 200)
			return
		}
		u, err := sip.ParseURI(k.URI)
		require.NoError(t, err, k.URI)
		require.Equal(t, k.URI, u.Canonical(), "the same account has the same key")
		require.LessOrEqual(t, len(k.Identifier), maxMessage)
	})
}

func TestReplication(t *testing.T) {
	r, err := ParseReplication("# Replication\r\nrole:master\r\nconnected_slaves:4\r\nslave0:ip=10.0.0.2,port=6380,state=online,offset=7,lag=0\r\n" +
		"slave1:10.0.0.3,6381,online\r\nslave2:ip=fd00::2,port=6379,state=wait_bgsave\r\nslave3:ip=x y,port=1\r\nslave4:ip=h,port=70000\r\nslave_read_only:1\r\nmaster_failover_state:no-failover\r\n")
	require.NoError(t, err)
	assert.Equal(t, Replication{Master: true, Replicas: []Host{{"10.0.0.2", 6380}, {"10.0.0.3", 6381}, {"fd00::2", 6379}}}, r)
	assert.Equal(t, "[fd00::2]:6379", r.Replicas[2].String())

	r, err = ParseReplication("role:slave\nmaster_host:redis-1.example\nmaster_port:6379\nmaster_link_status:up\nslave0:ip=a,port=1\n")
	require.NoError(t, err)
	assert.Equal(t, Replication{LinkUp: true, MasterAt: Host{"redis-1.example", 6379}}, r)

	for _, text := range []string{"", "role:sentinel", "role:slave\nmaster_host:x", "role:slave\nmaster_host:\nmaster_port:1"} {
		_, err := ParseReplication(text)
		require.Error(t, err, text)
	}
}

func FuzzReplication(f *testing.F) {
	f.Add("role:master\r\nslave0:ip=10.0.0.2,port=6380,state=online\r\n")
	f.Add("role:slave\nmaster_host:fd00::1\nmaster_port:6379\nmaster_link_status:down\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseReplication(text)
		require.LessOrEqual(t, len(r.Replicas), maxReplicas)
		if err == nil && !r.Master {
			require.NotZero(t, r.MasterAt.Port)
			require.NotEmpty(t, r.MasterAt.Name)
		}
	})
}

func TestAnsweredErrors(t *testing.T) {
	for text, want := range map[string]Cause{
		"WRONGPASS invalid username-password pair or user is disabled.":                       Refused,
		"NOAUTH Authentication required.":                                                     Refused,
		"ERR invalid password":                                                                Refused,
		"ERR Client sent AUTH, but no password is set":                                        Refused,
		"NOPERM this user has no permissions to access one of the channels used as arguments": Forbidden,
		"LOADING Redis is loading the dataset in memory":                                      Busy,
		"ERR unknown command `HELLO`, with args beginning with: `3` `AUTH` `bridge` `Mellon`": Busy,
		"ERR Mellon\r\nb2bua: forged line":                                                    Busy,
	} {
		got := Answered(text, "Mellon")
		assert.Equal(t, want, got.Cause, text)
		assert.NotContains(t, got.Reason, "Mellon")
		assert.NotContains(t, got.Reason, "\n")
	}
}
