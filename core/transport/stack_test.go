package transport

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// A call of the usual kind over each transport without keys: INVITE, 180, 200, ACK, BYE, 200.
func TestCall(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, host := range []string{"127.0.61.1", "[::1]"} {
			t.Run(network+host, func(t *testing.T) { call(t, network, host) })
		}
	}
}

func call(t *testing.T, network, host string) {
	uas := newUser(t, listenOn(network, host+":0"))
	uac := newUser(t, listenOn(network, host+":0"))
	target := fmt.Sprintf("sip:bob@%s;transport=%s", uas.at(), network)
	id := uac.request(newRequest(t, sip.INVITE, target), NextHop{})

	invite := uas.next("request")
	assert.Equal(t, sip.INVITE, invite.msg.Method)
	assert.Equal(t, uac.at().Addr(), invite.flow.Remote.Addr())
	assert.Equal(t, uac.at().String(), invite.msg.Contact[0].URI.HostPort(), "the Contact is where we listen")
	assert.Equal(t, network != "udp", invite.msg.Contact[0].URI.Params.Has("transport"))
	assert.Equal(t, 100, uac.next("response").msg.Status)

	uas.respond(invite.tx, sip.NewResponse(invite.msg, 180, "", "bob"))
	assert.Equal(t, 180, uac.next("response").msg.Status)
	ok := sip.NewResponse(invite.msg, 200, "", "bob")
	ok.Contact = []sip.Address{{URI: sip.URI{Scheme: "sip", User: "bob"}}}
	uas.respond(invite.tx, ok)
	answer := uac.next("response")
	assert.Equal(t, id, answer.tx)
	assert.Equal(t, uas.at().String(), answer.msg.Contact[0].URI.HostPort())

	ack := newRequest(t, sip.ACK, answer.msg.Contact[0].URI.String())
	ack.CallID, ack.To, ack.CSeq.Number = invite.msg.CallID, answer.msg.To, 20
	uac.do(func() { uac.stack.Ack(id, ack, NextHop{}) })
	got := uas.next("request")
	assert.Equal(t, sip.ACK, got.msg.Method)
	assert.Zero(t, got.tx)
	uas.do(func() { uas.stack.Acked(invite.tx) })

	bye := newRequest(t, sip.BYE, answer.msg.Contact[0].URI.String())
	byeID := uac.request(bye, NextHop{})
	over := uas.next("request")
	uas.respond(over.tx, sip.NewResponse(over.msg, 200, "", ""))
	assert.Equal(t, byeID, uac.next("response").tx)
}

// A response is matched to its request and the flow of the request is the answer's.
func TestOptions(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			uas := answering(t, 200, listenOn(network, "127.0.61.2:0"))
			uac := newUser(t)
			id := uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s;transport=%s", uas.at(), network)), NextHop{})
			got := uac.next("response")
			assert.Equal(t, id, got.tx)
			assert.Equal(t, 200, got.msg.Status)
			assert.NotEmpty(t, got.msg.To.Tag(), "a response without tag gets one")
		})
	}
}

// A wildcard bind never shows in Via or Contact.
func TestWildcard(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, every := range []string{"0.0.0.0:0", "[::]:0"} {
			t.Run(network+every, func(t *testing.T) {
				uas := newUser(t, listenOn(network, "127.0.61.3:0"))
				uac := newUser(t, listenOn(network, every))
				uac.request(newRequest(t, sip.INVITE, fmt.Sprintf("sip:bob@%s;transport=%s", uas.at(), network)), NextHop{})
				m := uas.next("request").msg
				want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uac.at().Port())
				assert.Equal(t, want.String(), m.Contact[0].URI.HostPort())
				assert.Equal(t, want.String(), fmt.Sprintf("%s:%d", m.Via[0].Host, m.Via[0].Port))
			})
		}
	}
}

// The address that is configured is listened on, and nothing else.
func TestListeningIsExact(t *testing.T) {
	u := newUser(t, listenOn("udp", "127.0.61.4:0"), listenOn("tcp", "127.0.61.4:0"))
	list := u.stack.Listening()
	require.Len(t, list, 2)
	for _, l := range list {
		assert.Equal(t, "127.0.61.4", l.Addr.Addr().String())
		assert.NotZero(t, l.Addr.Port())
	}
	_, err := New(Config{Listen: []Listener{list[0]}}, u)
	require.ErrorContains(t, err, list[0].Addr.String(), "a taken address is named")
}
