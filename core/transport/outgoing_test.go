package transport

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// outgoingOf are the UDP sockets that nobody configured.
func (u *user) outgoingOf() (list []netip.AddrPort) {
	u.t.Helper()
	u.do(func() {
		for _, s := range u.stack.udp.outgoing {
			list = append(list, s.local)
		}
	})
	return list
}

// later sweeps as if that time had passed.
func (u *user) later(d time.Duration) {
	u.t.Helper()
	u.do(func() { u.stack.sweepFlows(time.Now().Add(d)) })
}

// stranger is a bare UDP socket towards an address; what it says is not ours.
func stranger(t *testing.T, from string, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), net.UDPAddrFromAddrPort(to))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

func saying(t *testing.T, method sip.Method, branch string) *sip.Message {
	m := newRequest(t, method, "sip:bob@example.com")
	m.Via = []sip.Via{{Transport: "UDP", Host: "127.0.0.1", Params: sip.Params{{Name: "rport"}, {Name: "branch", Value: "z9hG4bK" + branch, HasValue: true}}}}
	return m
}

// A process that listens by TCP only opens UDP ports to send. They are no listening addresses: on one address of ours,
// and deaf and dumb to whoever has no business there.
func TestOutgoingUDPIsNotListenedOn(t *testing.T) {
	for _, v := range []struct{ name, uas, uac, from string }{
		{"IPv4", "127.0.66.1:0", "127.0.66.2:0", "127.0.66.3"}, {"IPv6", "[::1]:0", "[::1]:0", "::1"},
	} {
		t.Run(v.name, func(t *testing.T) {
			var lines testLog
			uas := answering(t, 200, listenOn("udp", v.uas))
			uac := answering(t, 200, listenOn("tcp", v.uac), logging(&lines))
			for range 2 {
				uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s", uas.at())), NextHop{})
				uac.next("response")
			}
			open := uac.outgoingOf()
			require.Len(t, open, 1)
			assert.True(t, open[0].Addr().IsLoopback(), "bound to the address that the kernel routes by: %s", open[0])
			assert.Equal(t, open[0], uas.next("request").flow.Remote)

			conn := stranger(t, v.from, open[0])
			inDialog := saying(t, sip.INFO, "3")
			inDialog.To = inDialog.To.WithTag("ours")
			for _, m := range []string{string(saying(t, sip.INVITE, "1").Bytes()), text("OPTIONS sip:a@b SIP/3.0", "Via: SIP/2.0/UDP 127.0.0.1;rport"), "\x16\x03noise", string(inDialog.Bytes())} {
				_, err := conn.Write([]byte(m))
				require.NoError(t, err)
			}
			assert.Equal(t, sip.INFO, uac.next("request").msg.Method, "the only one that may belong to a call of ours")
			answer := make([]byte, 2000)
			n, err := conn.Read(answer)
			require.NoError(t, err)
			assert.Contains(t, string(answer[:n]), "INFO", "nothing else is answered")
			assert.Equal(t, 3, strings.Count(lines.String(), "not listened on"))
			assert.NotContains(t, lines.String(), "bob")
		})
	}
}

// Strangers can't fill the log by way of such a port either.
func TestOutgoingUDPFaultsAreCounted(t *testing.T) {
	var lines testLog
	uas := answering(t, 200, listenOn("udp", "127.0.66.4:0"))
	uac := newUser(t, logging(&lines))
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s", uas.at())), NextHop{})
	uac.next("response")
	u := uac.outgoingOf()[0]
	uac.do(func() {
		in := inbound{flow: Flow{ID: uac.stack.udp.outgoing[udpUse{u.Addr(), ""}].id, Network: "udp", Local: u, Remote: uas.at()}, msg: saying(t, sip.OPTIONS, "1")}
		for range 100 {
			uac.stack.receive(time.Now(), in)
		}
		uac.stack.faults.since = time.Time{}
		uac.stack.receive(time.Now(), in)
	})
	assert.LessOrEqual(t, strings.Count(lines.String(), "not listened on"), 2*faultLines)
	assert.Contains(t, lines.String(), "count=")
}

// Spec 4.11: calls come to the port that a REGISTER gave to the registrar, from there and from nowhere else, while it lasts.
func TestOutgoingUDPOfRegistrations(t *testing.T) {
	registrar := answering(t, 200, listenOn("udp", "127.0.66.5:0"))
	uac := answering(t, 200, listenOn("tcp", "127.0.66.6:0"))
	m := newRequest(t, sip.REGISTER, fmt.Sprintf("sip:%s", registrar.at()))
	m.Contact = []sip.Address{{URI: sip.URI{Scheme: "sip", User: "marie"}}}
	m.Add("Expires", "600")
	uac.request(m, NextHop{Key: "marie"})
	uac.next("response")
	contact := registrar.next("request").msg.Contact[0].URI
	assert.Equal(t, uac.outgoingOf()[0].String(), contact.HostPort())

	_, err := stranger(t, "127.0.66.7", uac.outgoingOf()[0]).Write(saying(t, sip.OPTIONS, "1").Bytes())
	require.NoError(t, err)
	registrar.request(newRequest(t, sip.INVITE, contact.String()), NextHop{})
	invite := uac.next("request")
	assert.Equal(t, sip.INVITE, invite.msg.Method, "the stranger was not heard")
	uac.do(func() { uac.stack.Acked(invite.tx) })

	uac.later(9 * time.Minute)
	assert.Len(t, uac.outgoingOf(), 1, "registered")
}

// An outgoing port stays as long as a peer may have a reason to write to it.
func TestOutgoingUDPCloses(t *testing.T) {
	uas := answering(t, 200, listenOn("udp", "127.0.66.8:0"), func(c *Config) { c.Timers.T1 = time.Millisecond })
	uac := newUser(t, listenOn("tcp", "127.0.66.9:0"), func(c *Config) { c.Timers.T1, c.Timers.T4 = time.Millisecond, time.Millisecond })
	target := fmt.Sprintf("sip:%s", uas.at())
	finished := func() {
		t.Helper()
		require.Eventually(t, func() (none bool) {
			uac.do(func() { none = uac.stack.engine.Len() == 0 })
			return none
		}, patience, time.Millisecond)
	}
	uac.request(newRequest(t, sip.OPTIONS, target), NextHop{})
	uac.next("response")
	finished()
	uac.later(outgoingIdle - 10*time.Second)
	assert.Len(t, uac.outgoingOf(), 1, "used a moment ago")
	uac.later(outgoingIdle + time.Second)
	assert.Empty(t, uac.outgoingOf())

	invite := newRequest(t, sip.INVITE, target)
	id := uac.request(invite, NextHop{})
	uac.later(time.Hour)
	assert.Len(t, uac.outgoingOf(), 1, "a transaction is on it")
	h := uac.next("response")
	for h.msg.Status == 100 {
		h = uac.next("response")
	}
	ack := newRequest(t, sip.ACK, target)
	ack.CallID, ack.To = invite.CallID, h.msg.To
	uac.do(func() { uac.stack.Ack(id, ack, NextHop{}) })
	finished()
	uac.later(10 * time.Hour)
	assert.Len(t, uac.outgoingOf(), 1, "the call goes on, and the peer may end it")

	bye := newRequest(t, sip.BYE, target)
	bye.CallID, bye.To = invite.CallID, h.msg.To
	uac.request(bye, NextHop{})
	uac.next("response")
	finished()
	uac.later(outgoingIdle + time.Second)
	assert.Empty(t, uac.outgoingOf())

	uac.request(newRequest(t, sip.OPTIONS, target), NextHop{})
	uac.next("response")
	assert.Len(t, uac.outgoingOf(), 1, "the next request opens another")
}

// Who may come, and until when, without any socket.
func TestOutgoingReasons(t *testing.T) {
	begin := time.Unix(1e9, 0)
	response := func(method sip.Method, status int, header ...string) *sip.Message {
		m := sip.NewResponse(saying(t, method, "1"), status, "", "bob")
		m.CallID = "one"
		for i := 0; i+1 < len(header); i += 2 {
			m.Add(header[i], header[i+1])
		}
		return m
	}
	for _, v := range []struct {
		name string
		said []*sip.Message
		keep time.Duration // how long at least; the next sweep after it closes
	}{
		{"nothing", nil, outgoingIdle},
		{"refused", []*sip.Message{response(sip.INVITE, 486)}, outgoingIdle},
		{"ringing", []*sip.Message{response(sip.INVITE, 180)}, outgoingIdle},
		{"call", []*sip.Message{response(sip.INVITE, 200)}, dialogLife},
		{"ended call", []*sip.Message{response(sip.INVITE, 200), response(sip.BYE, 200)}, outgoingIdle},
		{"subscription", []*sip.Message{response(sip.SUBSCRIBE, 202, "Expires", "600")}, 10 * time.Minute},
		{"subscription without a word", []*sip.Message{response(sip.REFER, 202)}, subscriptionLife},
		{"options", []*sip.Message{response(sip.OPTIONS, 200)}, outgoingIdle},
	} {
		t.Run(v.name, func(t *testing.T) {
			o := newOutgoing(begin)
			for _, m := range v.said {
				o.answered(begin, m)
			}
			assert.False(t, o.idle(begin.Add(v.keep-time.Second)))
			assert.True(t, o.idle(begin.Add(v.keep)))
		})
	}
	o := newOutgoing(begin)
	for i := range reasonsKept + 1 {
		m := response(sip.INVITE, 200)
		m.CallID = fmt.Sprint(i)
		o.answered(begin, m)
	}
	assert.Len(t, o.reasons, reasonsKept)
	assert.False(t, o.idle(begin.Add(48*time.Hour)), "what was not kept may still matter")
}
