package transaction

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

var newPath = Path{Flow: 9, Remote: tcpPath.Remote, Reliable: true}

// A lost connection ends at once what has no final response yet, on both sides, each told once, and nothing on other connections.
func TestFlowLost(t *testing.T) {
	b := newBench(t)
	var ids []ID
	for i, method := range []sip.Method{sip.INVITE, sip.BYE, sip.INVITE, sip.OPTIONS} {
		m := newRequest(method, string(rune('a'+i)))
		ids = append(ids, b.start(m, tcpPath))
		if i == 2 {
			b.answer(m, 180, "x")
			b.want(Response)
		}
	}
	other := tcpPath
	other.Flow = 3
	survivor := newRequest(sip.BYE, "s")
	b.start(survivor, other)
	ids = append(ids, b.incoming(newRequest(sip.INVITE, "in"), tcpPath), b.incoming(newRequest(sip.INFO, "in2"), tcpPath))

	b.FlowLost(tcpPath.Flow, errLost)
	var got []ID
	for _, o := range b.outputs() {
		require.Equal(t, Failure, o.Kind)
		require.ErrorIs(t, o.Err, errLost)
		got = append(got, o.Tx)
	}
	assert.ElementsMatch(t, ids, got)
	assert.Equal(t, 1, b.Len())
	b.FlowLost(tcpPath.Flow, errLost)
	b.want()
	b.answer(survivor, 200, "x")
	b.want(Response)
}

// RFC 3261 section 13.2.2.4: a 2xx that is repeated by another connection, after the first was lost, is acknowledged all the same,
// and a fork's 2xx is still told.
func TestFlowLostAfterSuccess(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.INVITE, "1")
	id := b.start(m, tcpPath)
	b.answer(m, 200, "fork1")
	b.want(Response)
	ack := newRequest(sip.ACK, "2")
	ack.To = ack.To.WithTag("fork1")
	b.Ack(id, ack, tcpPath)
	sent := b.want(SendAck)[0]
	b.FlowLost(tcpPath.Flow, errLost)
	b.want()
	assert.Zero(t, b.On(tcpPath.Flow))
	b.answer(m, 200, "fork1")
	again := b.want(SendAck)[0]
	assert.Equal(t, id, again.Tx, "the shell finds the way by it")
	assert.Equal(t, sent.Wire, again.Wire)
	b.answer(m, 200, "fork2")
	assert.Equal(t, "fork2", b.want(Response)[0].Msg.To.Tag())
	b.advance(time.Minute)
	assert.Zero(t, b.Len())
}

// RFC 3261 section 18.2.2: an unacknowledged final response of an INVITE goes out by a new connection, once.
func TestFlowLostBeforeACK(t *testing.T) {
	for _, status := range []int{200, 486} {
		for _, then := range []string{"acknowledged", "no connection", "lost again", "never acknowledged"} {
			t.Run(string(rune('0'+status/100))+"xx "+then, func(t *testing.T) {
				b := newBench(t)
				m := newRequest(sip.INVITE, "1")
				m.Via[0].Host = "Client.example.org"
				id := b.incoming(m, tcpPath)
				b.Respond(b.now, id, sip.NewResponse(m, status, "", "bob"))
				sent := b.want(Send)[0]
				b.FlowLost(tcpPath.Flow, errLost)
				o := b.want(Reconnect)[0]
				assert.Equal(t, id, o.Tx)
				assert.Equal(t, tcpPath, o.Path)
				assert.Equal(t, "client.example.org:5060", o.SentBy)
				at, rest := b.sends(3 * time.Second)
				assert.Empty(t, at, "there is no connection")
				assert.Empty(t, rest)
				told := func(err error) {
					t.Helper()
					if status == 200 {
						f := b.want(Failure)[0]
						assert.Equal(t, id, f.Tx)
						require.ErrorIs(t, f.Err, err)
					}
					b.want()
					assert.Zero(t, b.Len())
				}
				if then == "no connection" {
					b.SendFailed(id, errLost)
					told(errLost)
					return
				}
				b.Reconnected(b.now, id, newPath)
				again := b.want(Send)[0]
				assert.Equal(t, sent.Wire, again.Wire)
				assert.Equal(t, newPath, again.Path)
				switch then {
				case "lost again":
					b.FlowLost(newPath.Flow, errLost)
					told(errLost)
				case "never acknowledged":
					b.advance(time.Hour)
					out := b.outputs()
					assert.Zero(t, b.Len())
					assert.Equal(t, status == 200, len(out) > 0 && out[len(out)-1].Kind == Failure)
				default:
					b.Receive(b.now, ackOf(m, "bob"), newPath)
					if status == 200 {
						b.want(Request)
						b.Acked(id, "bob")
					}
					at, rest := b.sends(time.Minute)
					assert.Empty(t, at)
					assert.Empty(t, rest)
					assert.Zero(t, b.Len())
				}
			})
		}
	}
}

// What is acknowledged, or was no INVITE, needs nothing any more.
func TestFlowLostWhenDone(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.INVITE, "1")
	id := b.incoming(m, tcpPath)
	b.Respond(b.now, id, sip.NewResponse(m, 200, "", "bob"))
	b.want(Send)
	b.Acked(id, "")
	info := newRequest(sip.INFO, "2")
	b.Respond(b.now, b.incoming(info, tcpPath), sip.NewResponse(info, 200, "", ""))
	b.want(Send)
	b.FlowLost(tcpPath.Flow, errLost)
	b.want()
	assert.Zero(t, b.Len())
	b.Reconnected(b.now, id, newPath)
	b.want()
}
