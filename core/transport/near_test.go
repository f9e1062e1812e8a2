package transport

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// nearOf is where a message came from, as its dialog remembers it.
func (h happening) near(listens int) Near {
	return Near{Flow: h.flow.ID, Peer: h.flow.Remote, Name: h.flow.Name, Listens: listens}
}

// A trunk has a certificate for its name and writes its address into Record-Route.
func TestInDialogByAddressOfName(t *testing.T) {
	cert, pool := certificate(t, "trunk.example.com")
	zone := names{hosts: map[string][]string{"trunk.example.com": {"127.0.67.40", "127.0.67.41"}}}
	trunk := answering(t, 200, listenOn("tls", "127.0.67.40:0"), serving(cert))
	first := uriOf(t, fmt.Sprintf("sip:trunk.example.com:%d;transport=tls", trunk.at().Port()))
	address := fmt.Sprintf("sip:%s;transport=tls", trunk.at())

	for _, v := range []struct {
		name       string
		near, hang bool
		first      sip.URI
		same, ok   bool
	}{
		{"the connection lives", true, false, sip.URI{}, true, true},
		{"the connection is gone, its name is known", true, true, sip.URI{}, false, true},
		{"only the first hop is known", false, false, first, true, true}, // the connection to that name
		{"only the first hop is known, no connection", false, true, first, false, true},
		{"the first hop has other addresses", false, false, uriOf(t, "sip:127.0.67.40:5061;transport=tls"), false, false},
		{"nothing is known", false, false, sip.URI{}, false, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			uac := newUser(t, trusting(pool), resolving(zone))
			uac.request(newRequest(t, sip.OPTIONS, first.String()), NextHop{})
			came := uac.next("response")
			was := trunk.next("request").flow.Remote
			assert.Equal(t, "trunk.example.com", came.flow.Name)
			if v.hang {
				uac.drop(came.flow.ID)
			}
			hop := NextHop{First: v.first}
			if v.near {
				hop.Near = came.near(0)
			}
			uac.request(newRequest(t, sip.BYE, address), hop)
			if !v.ok {
				require.ErrorContains(t, uac.next("failure").err, "TLS handshake")
				return
			}
			assert.Equal(t, 200, uac.next("response").msg.Status)
			assert.Equal(t, v.same, trunk.next("request").flow.Remote == was)
		})
	}
}

// The ACK of a 2xx, too; and by a new connection when the INVITE's is gone.
func TestAckByAddressOfName(t *testing.T) {
	cert, pool := certificate(t, "trunk.example.com")
	zone := names{hosts: map[string][]string{"trunk.example.com": {"127.0.67.42"}}}
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("gone %v", gone), func(t *testing.T) {
			trunk := newUser(t, listenOn("tls", "127.0.67.42:0"), serving(cert))
			uac := newUser(t, trusting(pool), resolving(zone))
			invite := newRequest(t, sip.INVITE, fmt.Sprintf("sip:trunk.example.com:%d;transport=tls", trunk.at().Port()))
			id := uac.request(invite, NextHop{})
			in := trunk.next("request")
			trunk.respond(in.tx, sip.NewResponse(in.msg, 200, "", "bob"))
			final := uac.final()
			if gone {
				uac.drop(final.flow.ID)
			}
			uac.do(func() {
				uac.stack.Ack(id, ackTo(t, invite, final.msg, fmt.Sprintf("sip:%s;transport=tls", trunk.at())), NextHop{Near: final.near(0), First: invite.URI})
			})
			ack := trunk.next("request")
			assert.Equal(t, sip.ACK, ack.msg.Method)
			assert.Equal(t, !gone, ack.flow.Remote == in.flow.Remote)
			trunk.do(func() { trunk.stack.Acked(in.tx) })
		})
	}
}

// A connection that breaks after the ACK was sent: the one for the repeated 2xx goes to the name by a new connection, too.
func TestRepeatedAckByAddressOfName(t *testing.T) {
	cert, pool := certificate(t, "trunk.example.com")
	own, ownPool := certificate(t, "127.0.67.46")
	trunk := newUser(t, listenOn("tls", "127.0.67.45:0"), serving(cert), trusting(ownPool))
	zone := names{hosts: map[string][]string{"trunk.example.com": {"127.0.67.45"}}}
	uac := newUser(t, listenOn("tls", "127.0.67.46:0"), serving(own), trusting(pool), resolving(zone))
	invite := newRequest(t, sip.INVITE, fmt.Sprintf("sip:trunk.example.com:%d;transport=tls", trunk.at().Port()))
	id := uac.request(invite, NextHop{})
	in := trunk.next("request")
	trunk.respond(in.tx, sip.NewResponse(in.msg, 200, "", "bob"))
	final := uac.final()
	uac.do(func() {
		uac.stack.Ack(id, ackTo(t, invite, final.msg, fmt.Sprintf("sip:%s;transport=tls", trunk.at())), NextHop{Near: final.near(0), First: invite.URI})
	})
	trunk.next("request") // and takes no notice, as if it had been lost
	trunk.drop(in.flow.ID)
	got := trunk.next("request")
	assert.Equal(t, sip.ACK, got.msg.Method)
	assert.NotEqual(t, in.flow.ID, got.flow.ID)
	trunk.do(func() { trunk.stack.Acked(in.tx) })
}

// Who connected to us is reached by that connection at the port that it says it listens on, and nowhere else.
func TestNearOfIncoming(t *testing.T) {
	cert, pool := certificate(t, "trunk.example.com")
	us := answering(t, 200, listenOn("tls", "127.0.67.43:0"), serving(cert))
	trunk := answering(t, 200, listenOn("tls", "127.0.67.44:0"), serving(cert), trusting(pool), resolving(names{
		hosts: map[string][]string{"trunk.example.com": {"127.0.67.43"}},
	}))
	trunk.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:trunk.example.com:%d;transport=tls", us.at().Port())), NextHop{})
	trunk.next("response")
	in := us.next("request")
	port := int(trunk.at().Port())
	us.request(newRequest(t, sip.BYE, fmt.Sprintf("sip:%s;transport=tls", trunk.at())), NextHop{Near: in.near(port)})
	assert.Equal(t, 200, us.next("response").msg.Status)
	assert.Equal(t, in.flow.Local, trunk.next("request").flow.Remote)

	for name, near := range map[string]Near{"another port": in.near(port + 1), "no port": in.near(0), "no port at all": in.near(1 << 20)} {
		us.request(newRequest(t, sip.BYE, fmt.Sprintf("sip:%s;transport=tls", trunk.at())), NextHop{Near: near})
		require.Error(t, us.next("failure").err, name)
	}
	us.request(newRequest(t, sip.BYE, fmt.Sprintf("sips:trunk.example.com:%d", port)), NextHop{Near: in.near(port)})
	require.Error(t, us.next("failure").err, "a name is to be shown")
}
