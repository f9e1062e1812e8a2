package call

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"b2bua/core/sip"
)

// RFC 5923 sections 5 and 8: where who connected to us says that it listens.
func TestNearOf(t *testing.T) {
	peer := netip.MustParseAddrPort("192.0.2.1:40000")
	alias := sip.Params{{Name: "alias"}}
	for _, v := range []struct {
		name    string
		via     sip.Via
		listens int
	}{
		{"tls with port", sip.Via{Transport: "TLS", Host: "192.0.2.1", Port: 5071}, 5071},
		{"tls without port", sip.Via{Transport: "TLS", Host: "trunk.example.org"}, 5061},
		{"tcp", sip.Via{Transport: "TCP", Host: "192.0.2.1", Port: 5070}, 0},
		{"tcp with alias", sip.Via{Transport: "TCP", Host: "192.0.2.1", Port: 5070, Params: alias}, 5070},
		{"tcp with alias, without port", sip.Via{Transport: "TCP", Host: "192.0.2.1", Params: alias}, 5060},
	} {
		req := &sip.Message{Method: sip.INVITE, Via: []sip.Via{v.via}}
		from := Source{Peer: peer, Flow: 7, Reliable: true, Name: "trunk.example.org"}
		assert.Equal(t, Near{Flow: 7, Peer: peer, Name: "trunk.example.org", Listens: v.listens}, nearOf(req, from), v.name)
		req.Status = 200 // its Via is ours
		assert.Zero(t, nearOf(req, from).Listens, v.name)
		from.Reliable = false
		assert.Zero(t, nearOf(req, from), v.name)
	}
}
