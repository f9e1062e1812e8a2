package proxy

import (
	"testing"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func registration(t *testing.T, callID string, cseq uint32, contacts ...string) *sip.Message {
	t.Helper()
	aor := sip.URI{Scheme: "sip", User: "marie", Host: "example.org"}
	m := &sip.Message{
		Method: sip.REGISTER, URI: sip.URI{Scheme: "sip", Host: "example.org"}, From: sip.Address{URI: aor}.WithTag("1"),
		To: sip.Address{URI: aor}, CallID: callID, CSeq: sip.CSeq{Number: cseq, Method: sip.REGISTER},
	}
	for _, c := range contacts {
		list, err := sip.ParseAddresses(c)
		require.NoError(t, err)
		m.Contact = append(m.Contact, list...)
	}
	return m
}

// A phone that registers again with another Contact is not there twice: the same Call-ID or the same device is the same phone.
func TestReRegisterReplaces(t *testing.T) {
	const instance = `;+sip.instance="<urn:uuid:1>"`
	one, two := "<sip:m@192.0.2.1:5060>", "<sip:m@192.0.2.1:40000;transport=tcp>"
	type step struct {
		callID  string
		cseq    uint32
		contact []string
		status  int
	}
	for _, v := range []struct {
		name  string
		steps []step
		want  int // bindings
	}{
		{"same Call-ID", []step{{"a", 1, []string{one}, 200}, {"a", 2, []string{two}, 200}}, 1},
		{"same device", []step{{"a", 1, []string{one + instance}, 200}, {"b", 1, []string{two + instance}, 200}}, 1},
		{"other Call-ID, no device", []step{{"a", 1, []string{one}, 200}, {"b", 1, []string{two}, 200}}, 2},
		{"two flows of a device", []step{{"a", 1, []string{one + instance + ";reg-id=1"}, 200}, {"a", 2, []string{two + instance + ";reg-id=2"}, 200}}, 2},
		{"two contacts at once", []step{{"a", 1, []string{one, two}, 200}, {"a", 2, []string{one, two}, 200}}, 2},
		{"same Contact from elsewhere", []step{{"a", 1, []string{one}, 200}, {"b", 1, []string{one}, 200}}, 1},
		{"overtaken", []step{{"a", 2, []string{one}, 200}, {"a", 1, []string{two}, 500}}, 1},
	} {
		t.Run(v.name, func(t *testing.T) {
			r, now := newRegistrar(Config{}), time.Unix(1e9, 0)
			last := ""
			for _, s := range v.steps {
				resp := r.register(now, registration(t, s.callID, s.cseq, s.contact...), transport.Flow{Network: "udp"})
				require.Equal(t, s.status, resp.Status)
				if s.status == 200 {
					assert.Len(t, resp.Contact, len(r.bindings["marie@example.org"]))
					last = s.contact[len(s.contact)-1]
				}
			}
			list := r.lookup("marie@example.org", now)
			require.Len(t, list, v.want)
			assert.Contains(t, last, list[len(list)-1].uri.HostPort(), "the latest is the one that stays")
		})
	}
}
