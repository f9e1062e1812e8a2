package transport

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// ackTo is the ACK for a 2xx to that INVITE, with that Request-URI.
func ackTo(t *testing.T, invite, ok *sip.Message, uri string) *sip.Message {
	m := newRequest(t, sip.ACK, uri)
	m.CallID, m.From, m.To, m.CSeq.Number = invite.CallID, ok.From, ok.To, invite.CSeq.Number
	return m
}

// final waits for the final response.
func (u *user) final() happening {
	u.t.Helper()
	for {
		if h := u.next("response"); h.msg.Status >= 200 {
			return h
		}
	}
}

func (u *user) drop(id FlowID) {
	u.t.Helper()
	u.do(func() { u.stack.flows[id].hangUp("receive", errors.New("pulled")) })
}

// The ACK to a 2xx goes by the flow of the INVITE when that leads to its next hop, elsewhere when it does not.
func TestAckNextHop(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			uas, other := newUser(t, listenOn(network, "127.0.67.1:0")), newUser(t, listenOn(network, "127.0.67.2:0"))
			uac := newUser(t)
			target := fmt.Sprintf("sip:%s;transport=%s", uas.at(), network)
			for _, v := range []struct {
				name string
				to   *user
				same bool
			}{{"same", uas, true}, {"elsewhere", other, false}} {
				invite := newRequest(t, sip.INVITE, target)
				id := uac.request(invite, NextHop{Key: "account"})
				in := uas.next("request")
				uas.respond(in.tx, sip.NewResponse(in.msg, 200, "", "bob"))
				ok := uac.final().msg
				uac.do(func() {
					uac.stack.Ack(id, ackTo(t, invite, ok, fmt.Sprintf("sip:%s;transport=%s", v.to.at(), network)), NextHop{})
				})
				got := v.to.next("request")
				assert.Equal(t, sip.ACK, got.msg.Method)
				assert.Zero(t, got.tx)
				assert.Equal(t, v.same, got.flow.Remote == in.flow.Remote, v.name)
				uas.do(func() { uas.stack.Acked(in.tx) })
			}
		})
	}
}

// RFC 3263 section 4: the ACK goes to the next server of its hop when the first can't be reached; to the one that has the call if that is among them.
func TestAckFailover(t *testing.T) {
	uas := newUser(t, listenOn("tcp", "127.0.67.3:0"))
	zone := names{
		hosts: map[string][]string{"one.example.com": {"127.0.67.4"}, "two.example.com": {"127.0.67.3"}},
		srv: map[string][]*net.SRV{"_sip._tcp.example.com": {
			{Target: "one.example.com.", Port: deadPort(t, "127.0.67.4")}, {Target: "two.example.com.", Port: uas.at().Port()},
		}},
	}
	uac := newUser(t, resolving(zone))
	const target = "sip:example.com;transport=tcp"
	for _, dropped := range []bool{false, true} {
		invite := newRequest(t, sip.INVITE, target)
		id := uac.request(invite, NextHop{})
		in := uas.next("request")
		uas.respond(in.tx, sip.NewResponse(in.msg, 200, "", "bob"))
		ok := uac.final().msg
		uas.do(func() { uas.stack.Acked(in.tx) })
		if dropped {
			uas.drop(in.flow.ID)
			require.Eventually(t, func() bool { return uac.stack.Flows() == 0 && uas.stack.Flows() == 0 }, patience, 1e6)
		}
		uac.do(func() { uac.stack.Ack(id, ackTo(t, invite, ok, target), NextHop{}) })
		got := uas.next("request")
		assert.Equal(t, sip.ACK, got.msg.Method)
		assert.Equal(t, !dropped, got.flow.ID == in.flow.ID)
	}
}

// An ACK without any way is told in the log, and nothing else happens.
func TestAckWithoutWay(t *testing.T) {
	var lines testLog
	uac := newUser(t, resolving(names{}), logging(&lines))
	dead := fmt.Sprintf("sip:127.0.67.5:%d;transport=tcp", deadPort(t, "127.0.67.5"))
	for _, uri := range []string{"sip:nowhere.example.com", dead} {
		m := newRequest(t, sip.ACK, uri)
		uac.do(func() { uac.stack.Ack(0, m, NextHop{}) })
		require.Eventually(t, func() bool { return lines.contains(m.CallID) }, patience, 1e6)
	}
}

// RFC 3261 sections 18.2.2 and 13.2.2.4: a connection that breaks between the 2xx and its ACK ends no call. The 2xx is repeated by a new
// connection, and so is the ACK, whether it was sent before the break or not.
func TestConnectionLostBeforeAck(t *testing.T) {
	for _, sent := range []bool{false, true} {
		t.Run(fmt.Sprint("ACK sent: ", sent), func(t *testing.T) {
			uas, uac := newUser(t, listenOn("tcp", "127.0.67.6:0")), newUser(t, listenOn("tcp", "127.0.67.7:0"))
			target := fmt.Sprintf("sip:%s;transport=tcp", uas.at())
			invite := newRequest(t, sip.INVITE, target)
			id := uac.request(invite, NextHop{})
			in := uas.next("request")
			uas.respond(in.tx, sip.NewResponse(in.msg, 200, "", "bob"))
			ok := uac.final().msg
			ack := func() { uac.do(func() { uac.stack.Ack(id, ackTo(t, invite, ok, target), NextHop{}) }) }
			if sent {
				ack()
				uas.next("request") // and takes no notice, as if it had been lost
			}
			uas.drop(in.flow.ID)
			if !sent {
				require.Eventually(t, func() (moved bool) {
					uas.do(func() {
						path, _ := uas.stack.engine.PathOf(in.tx)
						moved = path.Flow != 0 && path.Flow != uint64(in.flow.ID)
					})
					return moved
				}, patience, 1e6)
				ack()
			}
			got := uas.next("request")
			assert.Equal(t, sip.ACK, got.msg.Method)
			assert.NotEqual(t, in.flow.ID, got.flow.ID)
			assert.Len(t, got.msg.Via, 1)
			uas.do(func() { uas.stack.Acked(in.tx) })
		})
	}
}

// Where no new connection can be made, the undelivered 2xx is told at once.
func TestConnectionLostForGood(t *testing.T) {
	uas, uac := newUser(t, listenOn("tcp", "127.0.67.8:0")), newUser(t)
	uac.request(newRequest(t, sip.INVITE, fmt.Sprintf("sip:%s;transport=tcp", uas.at())), NextHop{})
	in := uas.next("request")
	uas.respond(in.tx, sip.NewResponse(in.msg, 200, "", "bob"))
	uac.final()
	uas.drop(in.flow.ID)
	h := uas.next("failure")
	assert.Equal(t, in.tx, h.tx)
	var e *FlowError
	require.ErrorAs(t, h.err, &e)
	assert.NotErrorIs(t, e, syscall.ECONNREFUSED, "what broke is told, not what was tried after it")
}

func TestSplitSentBy(t *testing.T) {
	for in, want := range map[string]string{
		"host.example.org": "host.example.org 0", "host.example.org:5070": "host.example.org 5070", "192.0.2.1:5060": "192.0.2.1 5060",
		"[2001:db8::1]": "[2001:db8::1] 0", "[2001:db8::1]:5061": "[2001:db8::1] 5061", "": " 0",
	} {
		host, port := splitSentBy(in)
		assert.Equal(t, want, fmt.Sprint(host, " ", port))
	}
}
