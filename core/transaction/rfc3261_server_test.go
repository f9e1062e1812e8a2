package transaction

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// RFC 3261 section 17.2.1: a repeated INVITE gets the last provisional response again and is told once.
func TestRFC3261_17_2_1_Proceeding(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.incoming(m, p)
		b.Receive(b.now, m, p)
		assert.Equal(t, 100, parsed(t, b.want(Send)[0].Wire).Status)
		b.Respond(b.now, id, sip.NewResponse(m, 180, "", "bob"))
		ringing := b.want(Send)[0]
		b.Receive(b.now, m, p)
		assert.Equal(t, ringing.Wire, b.want(Send)[0].Wire)
		b.Respond(b.now, id, sip.NewResponse(m, 486, "", "bob"))
		b.want(Send)
		b.Receive(b.now, ackOf(m, "bob"), p)
		b.want()
	})
}

func ackOf(invite *sip.Message, tag string) *sip.Message {
	ack := *invite
	ack.Method, ack.CSeq.Method = sip.ACK, sip.ACK
	ack.To = invite.To.WithTag(tag)
	return &ack
}

// RFC 3261 section 17.2.1: timer G repeats a failure over UDP until the ACK or timer H.
func TestRFC3261_17_2_1_TimersGandH(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.incoming(m, p)
		b.Respond(b.now, id, sip.NewResponse(m, 486, "", "bob"))
		b.want(Send)
		at, rest := b.sends(time.Minute)
		assert.Empty(t, rest, "an unacknowledged failure is nobody's loss")
		if p.Reliable {
			assert.Empty(t, at)
		} else {
			assert.Equal(t, seconds(0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5), at)
		}
		assert.Zero(t, b.Len())
	})
}

// RFC 3261 section 17.2.1: the ACK stops timer G; timer I absorbs further ones.
func TestRFC3261_17_2_1_Confirmed(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.incoming(m, p)
		b.Respond(b.now, id, sip.NewResponse(m, 486, "", "bob"))
		b.want(Send)
		b.Receive(b.now, ackOf(m, "bob"), p)
		b.want()
		if p.Reliable {
			assert.Zero(t, b.Len())
			return
		}
		b.Receive(b.now, ackOf(m, "bob"), p)
		b.Receive(b.now, m, p)
		b.want()
		at, _ := b.sends(6 * time.Second)
		assert.Empty(t, at)
		assert.Zero(t, b.Len())
	})
}

// RFC 3261 section 13.3.1.4: a 2xx is repeated on every transport until the ACK, which is the user's.
func TestRFC3261_13_3_1_4_SuccessRepeated(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.incoming(m, p)
		b.Respond(b.now, id, sip.NewResponse(m, 200, "", "bob"))
		b.want(Send)
		b.Receive(b.now, m, p)
		b.want() // RFC 6026 section 7.1: absorbed
		at, rest := b.sends(8 * time.Second)
		assert.Equal(t, seconds(0.5, 1.5, 3.5, 7.5), at)
		assert.Empty(t, rest)
		ack := newRequest(sip.ACK, "other")
		b.Receive(b.now, ack, p)
		o := b.want(Request)[0]
		assert.Zero(t, o.Tx)
		b.Acked(id, "")
		at, rest = b.sends(time.Minute)
		assert.Empty(t, at)
		assert.Empty(t, rest)
		assert.Zero(t, b.Len())
	})
}

// RFC 3261 section 16.7 step 5: a forking proxy passes every 2xx on. Each is repeated until its own ACK, and nothing else follows a 2xx.
func TestRFC3261_16_7_SeveralSuccesses(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.incoming(m, p)
		ok := func(status int, tag string) { b.Respond(b.now, id, sip.NewResponse(m, status, "", tag)) }
		ok(200, "desk")
		b.want(Send)
		b.advance(100 * time.Millisecond)
		ok(200, "mobile")
		assert.Equal(t, "mobile", parsed(t, b.want(Send)[0].Wire).To.Tag())
		ok(200, "mobile")
		ok(200, "")
		ok(486, "third")
		ok(180, "third")
		b.want()
		at, rest := b.sends(2 * time.Second)
		assert.Equal(t, seconds(0.4, 0.5, 1.4, 1.5), at)
		assert.Empty(t, rest)
		b.Acked(id, "desk")
		at, _ = b.sends(2 * time.Second)
		assert.Equal(t, seconds(1.5), at)
		b.Acked(id, "nobody")
		b.advance(30 * time.Second)
		failure := b.outputs()
		require.NotEmpty(t, failure)
		last := failure[len(failure)-1]
		assert.Equal(t, Failure, last.Kind, "the second was never acknowledged, 64*T1 after it was sent")
		assert.Equal(t, id, last.Tx)
		assert.Zero(t, b.Len())
	})
}

// Further 2xx are bounded.
func TestSeveralSuccessesLimit(t *testing.T) {
	b := benchWith(t, Config{Limits: Limits{Forks: 3}})
	m := newRequest(sip.INVITE, "1")
	id := b.incoming(m, udpPath)
	for _, tag := range []string{"1", "2", "3", "4"} {
		b.Respond(b.now, id, sip.NewResponse(m, 200, "", tag))
	}
	b.want(Send, Send, Send)
	b.Acked(id, "")
	at, rest := b.sends(time.Minute)
	assert.Empty(t, at)
	assert.Empty(t, rest)
}

// RFC 3261 section 13.3.1.4: no ACK within 64*T1 is told, so that the call can be ended by BYE.
func TestRFC3261_13_3_1_4_NeverAcknowledged(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.incoming(m, p)
		b.Respond(b.now, id, sip.NewResponse(m, 200, "", "bob"))
		b.want(Send)
		at, rest := b.sends(time.Minute)
		assert.Len(t, at, 10)
		assert.Contains(t, timeout(t, rest, id).Error(), "ACK")
	})
}

// An ACK to a 2xx that wrongly has the branch of its INVITE is still told.
func TestAckWithBranchOfInvite(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.INVITE, "1")
	id := b.incoming(m, udpPath)
	b.Respond(b.now, id, sip.NewResponse(m, 200, "", "bob"))
	b.want(Send)
	b.Receive(b.now, ackOf(m, "bob"), udpPath)
	b.want(Request)
	b.Acked(id, "")
}

// RFC 3261 section 17.2.2: repetitions are absorbed before and answered after the final response, until timer J.
func TestRFC3261_17_2_2(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.OPTIONS, "1")
		id := b.incoming(m, p)
		b.Receive(b.now, m, p)
		b.want()
		b.Respond(b.now, id, sip.NewResponse(m, 200, "", ""))
		sent := b.want(Send)[0]
		assert.NotEmpty(t, parsed(t, sent.Wire).To.Tag())
		b.Respond(b.now, id, sip.NewResponse(m, 500, "", ""))
		b.want() // one final response
		if p.Reliable {
			assert.Zero(t, b.Len())
			return
		}
		b.advance(31 * time.Second)
		b.Receive(b.now, m, p)
		assert.Equal(t, sent.Wire, b.want(Send)[0].Wire)
		b.advance(time.Second)
		assert.Zero(t, b.Len())
	})
}

// A user that never answers leaks nothing.
func TestNeverAnswered(t *testing.T) {
	b := newBench(t)
	b.incoming(newRequest(sip.OPTIONS, "1"), udpPath)
	b.advance(32 * time.Second)
	b.want()
	assert.Zero(t, b.Pending())
}

// RFC 3261 section 9.2: CANCEL is answered with the tag of the INVITE's responses and told once; the INVITE stays to be answered.
func TestRFC3261_9_2_Cancel(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		for _, tagged := range []bool{false, true} {
			branch := "1"
			if tagged {
				branch = "2"
			}
			m := newRequest(sip.INVITE, branch)
			id := b.incoming(m, p)
			var tag string
			if tagged {
				tag = "bob"
				b.Respond(b.now, id, sip.NewResponse(m, 180, "", tag))
				b.want(Send)
			} else {
				tag = b.Tag(id)
			}
			cancel := newRequest(sip.CANCEL, branch)
			b.Receive(b.now, cancel, p)
			out := b.want(Send, Cancel)
			resp := parsed(t, out[0].Wire)
			assert.Equal(t, 200, resp.Status)
			assert.Equal(t, sip.CANCEL, resp.CSeq.Method)
			assert.Equal(t, tag, resp.To.Tag())
			assert.Equal(t, id, out[1].Tx)
			if !p.Reliable {
				b.Receive(b.now, cancel, p)
				assert.Equal(t, out[0].Wire, b.want(Send)[0].Wire)
			}
			b.Respond(b.now, id, sip.NewResponse(m, 487, "", ""))
			assert.Equal(t, tag, parsed(t, b.want(Send)[0].Wire).To.Tag())
			b.Receive(b.now, ackOf(m, tag), p)
			b.want()
		}
	})
}

// RFC 3261 section 9.2: no INVITE: 481; an answered INVITE: 200 without effect.
func TestRFC3261_9_2_CancelTooLate(t *testing.T) {
	b := newBench(t)
	b.Receive(b.now, newRequest(sip.CANCEL, "none"), udpPath)
	assert.Equal(t, 481, parsed(t, b.want(Send)[0].Wire).Status)
	m := newRequest(sip.INVITE, "1")
	id := b.incoming(m, udpPath)
	b.Respond(b.now, id, sip.NewResponse(m, 200, "", "bob"))
	b.want(Send)
	b.Acked(id, "")
	b.Receive(b.now, newRequest(sip.CANCEL, "1"), udpPath)
	assert.Equal(t, 200, parsed(t, b.want(Send)[0].Wire).Status)
}

// RFC 3261 section 17.2.3: the sent-by tells two clients with the same branch apart; without the magic cookie RFC 2543's rules hold.
func TestRFC3261_17_2_3_Matching(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.OPTIONS, "1")
	b.incoming(m, udpPath)
	other := newRequest(sip.OPTIONS, "1")
	other.Via[0].Port = 5070
	b.incoming(other, udpPath)
	b.incoming(newRequest(sip.INFO, "1"), udpPath)

	for _, branch := range []string{"", "z9hG4bK", "old"} {
		old := newRequest(sip.INVITE, "")
		old.Via[0].Params = sip.Params{{Name: "branch", Value: branch, HasValue: true}}
		id := b.incoming(old, udpPath)
		b.Receive(b.now, old, udpPath)
		b.want(Send)
		next := *old
		next.CSeq.Number++
		second := b.incoming(&next, udpPath)
		assert.NotEqual(t, id, second)
		for i, m := range []*sip.Message{old, &next} {
			b.Respond(b.now, []ID{id, second}[i], sip.NewResponse(m, 486, "", "bob"))
			b.want(Send)
			b.Receive(b.now, ackOf(m, "bob"), udpPath)
			b.want()
		}
	}
	b.advance(time.Minute)
	b.want()
}

// Requests beyond the limits get 503 and cost no memory; others are served.
func TestLimits(t *testing.T) {
	b := benchWith(t, Config{Limits: Limits{Pending: 3, PendingPerSource: 2, Transactions: 5, TransactionsPerSource: 5}})
	elsewhere := udpPath
	elsewhere.Remote = netip.MustParseAddrPort("198.51.100.1:5060")
	refused := func(branch string, p Path) {
		t.Helper()
		before := b.Len()
		b.Receive(b.now, newRequest(sip.INVITE, branch), p)
		out := b.want(Send)
		resp := parsed(t, out[0].Wire)
		assert.Equal(t, 503, resp.Status)
		retry, _ := resp.Header("Retry-After")
		assert.Equal(t, "10", retry)
		assert.Equal(t, before, b.Len())
	}
	first := newRequest(sip.INVITE, "1")
	id := b.incoming(first, udpPath)
	second := b.incoming(newRequest(sip.INVITE, "2"), udpPath)
	refused("3", udpPath)
	third := b.incoming(newRequest(sip.INVITE, "4"), elsewhere)
	refused("5", elsewhere)
	b.Respond(b.now, id, sip.NewResponse(first, 200, "", "bob"))
	b.want(Send)
	b.Acked(id, "")
	fourth := b.incoming(newRequest(sip.INVITE, "6"), udpPath)
	for _, id := range []ID{second, third, fourth} {
		b.Forget(id)
	}
	assert.Zero(t, b.Pending())
	for i := range 4 {
		m := newRequest(sip.OPTIONS, string(rune('a'+i)))
		b.Respond(b.now, b.incoming(m, udpPath), sip.NewResponse(m, 200, "", ""))
		b.want(Send)
	}
	refused("7", udpPath)
	b.advance(time.Minute)
	assert.Empty(t, b.sources, "addresses are forgotten")
}

// One address can't take what all share, and what ends a call is taken when nothing new is.
func TestLimitsPerSource(t *testing.T) {
	stranger := udpPath
	stranger.Remote = netip.MustParseAddrPort("198.51.100.1:5060")
	b := benchWith(t, Config{Limits: Limits{Transactions: 16}}) // per source: 6
	serial := 0
	ask := func(method sip.Method, tag string, p Path) (status int) {
		t.Helper()
		serial++
		m := newRequest(method, fmt.Sprint("s", serial))
		m.To = m.To.WithTag(tag)
		b.Receive(b.now, m, p)
		out := b.outputs()
		if last := out[len(out)-1]; last.Kind == Request {
			b.Respond(b.now, last.Tx, sip.NewResponse(m, 200, "", "bob"))
			b.Acked(last.Tx, "")
			out = b.outputs()
		}
		return parsed(t, out[len(out)-1].Wire).Status
	}
	for range 6 {
		assert.Equal(t, 200, ask(sip.OPTIONS, "", stranger))
	}
	assert.Equal(t, 503, ask(sip.OPTIONS, "", stranger))
	assert.Equal(t, 200, ask(sip.INVITE, "", udpPath), "others are served")
	for range 3 {
		assert.Equal(t, 200, ask(sip.BYE, "forged", stranger), "maybe the end of a call")
	}
	assert.Equal(t, 503, ask(sip.BYE, "forged", stranger), "a forged tag is no way around the bound")
	for range 5 {
		assert.Equal(t, 200, ask(sip.INVITE, "", udpPath))
	}
	assert.Equal(t, 15, b.Len())
	tcp := tcpPath
	tcp.Remote = netip.MustParseAddrPort("203.0.113.1:40000")
	assert.Equal(t, 200, ask(sip.INVITE, "", tcp))
	assert.Equal(t, 503, ask(sip.INVITE, "", tcp), "all together are full")
	assert.Equal(t, 200, ask(sip.BYE, "bob", udpPath))
	assert.Equal(t, 481, ask(sip.CANCEL, "", udpPath), "taken, of nothing that is known")
	b.Receive(b.now, newRequest(sip.ACK, "a"), udpPath)
	b.want(Request)
	b.advance(time.Minute)
	assert.Equal(t, 200, ask(sip.OPTIONS, "", stranger), "there is room again")
}

// RFC 3261 section 9.2: who has as many calls ringing as it may can still give one up, or end another.
func TestLimitsPendingEndsOfCalls(t *testing.T) {
	b := benchWith(t, Config{Limits: Limits{PendingPerSource: 4}})
	invite := newRequest(sip.INVITE, "1")
	id := b.incoming(invite, udpPath)
	for i := range 3 {
		defer b.Forget(b.incoming(newRequest(sip.INVITE, fmt.Sprint("r", i)), udpPath))
	}
	b.Receive(b.now, newRequest(sip.INVITE, "5"), udpPath)
	assert.Equal(t, 503, parsed(t, b.want(Send)[0].Wire).Status)
	cancel := newRequest(sip.CANCEL, "1")
	b.Receive(b.now, cancel, udpPath)
	out := b.want(Send, Cancel)
	assert.Equal(t, 200, parsed(t, out[0].Wire).Status)
	assert.Equal(t, id, out[1].Tx)
	bye := newRequest(sip.BYE, "6")
	bye.To = bye.To.WithTag("bob")
	b.Respond(b.now, b.incoming(bye, udpPath), sip.NewResponse(bye, 200, "", ""))
	b.want(Send)
	b.Forget(id)
}

// A finished transaction keeps octets only.
func TestFinishedTransactionKeepsNoMessage(t *testing.T) {
	b := newBench(t)
	in := newRequest(sip.INVITE, "1")
	id := b.incoming(in, udpPath)
	b.Respond(b.now, id, sip.NewResponse(in, 486, "", "bob"))
	out := newRequest(sip.INVITE, "2")
	b.Request(b.now, b.NewID(), out, udpPath)
	b.answer(out, 486, "x")
	b.outputs()
	require.Equal(t, 2, b.Len())
	for _, x := range b.byID {
		assert.Nil(t, x.request)
	}
	b.Receive(b.now, ackOf(in, "bob"), udpPath)
}
