package transaction

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

const ms = time.Millisecond

func seconds(s ...float64) (out []time.Duration) {
	for _, v := range s {
		out = append(out, time.Duration(v*float64(time.Second)))
	}
	return out
}

func timeout(t *testing.T, out []Output, id ID) *TimeoutError {
	t.Helper()
	require.Len(t, out, 1)
	assert.Equal(t, Failure, out[0].Kind)
	assert.Equal(t, id, out[0].Tx)
	var e *TimeoutError
	require.ErrorAs(t, out[0].Err, &e)
	return e
}

// RFC 3261 section 17.1.1.2: timer A doubles without bound, timer B ends it after 64*T1.
func TestRFC3261_17_1_1_2_TimersAandB(t *testing.T) {
	b := newBench(t)
	id := b.start(newRequest(sip.INVITE, "1"), udpPath)
	at, rest := b.sends(time.Minute)
	assert.Equal(t, seconds(0.5, 1.5, 3.5, 7.5, 15.5, 31.5), at)
	assert.Equal(t, sip.INVITE, timeout(t, rest, id).Method)
}

// RFC 3261 section 17.1.1.2: no repetition on a reliable transport, the same end.
func TestRFC3261_17_1_1_2_Reliable(t *testing.T) {
	b := newBench(t)
	id := b.start(newRequest(sip.INVITE, "1"), tcpPath)
	at, rest := b.sends(32*time.Second - ms)
	assert.Empty(t, at)
	assert.Empty(t, rest)
	_, rest = b.sends(ms)
	require.Error(t, timeout(t, rest, id))
}

// RFC 3261 section 17.1.1.2: after a provisional response nothing is repeated and nothing times out.
func TestRFC3261_17_1_1_2_Proceeding(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.start(m, p)
		for _, status := range []int{100, 180, 183, 180} {
			b.answer(m, status, "x")
			o := b.want(Response)[0]
			assert.Equal(t, id, o.Tx)
			assert.Equal(t, status, o.Msg.Status)
		}
		at, rest := b.sends(10 * time.Minute)
		assert.Empty(t, at)
		assert.Empty(t, rest)
		b.answer(m, 486, "x")
		b.want(Send, Response)
		if !p.Reliable {
			assert.Equal(t, 1, b.Len(), "timer D runs")
		}
	})
}

// RFC 3261 section 17.1.1.3: the ACK to a failure has the request's URI, branch, Route and CSeq number and the response's To.
func TestRFC3261_17_1_1_3_AckToFailure(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		b.start(m, p)
		b.answer(m, 486, "x")
		out := b.want(Send, Response)
		ack := parsed(t, out[0].Wire)
		assert.Equal(t, p, out[0].Path)
		assert.Equal(t, sip.ACK, ack.Method)
		assert.Equal(t, m.URI, ack.URI)
		assert.Equal(t, m.Via, ack.Via)
		assert.Equal(t, m.Route, ack.Route)
		assert.Equal(t, sip.CSeq{Number: 20, Method: sip.ACK}, ack.CSeq)
		assert.Equal(t, "x", ack.To.Tag())
		assert.Equal(t, m.From, ack.From)
		if p.Reliable {
			assert.Zero(t, b.Len(), "timer D is 0")
			return
		}
		b.advance(31 * time.Second)
		b.answer(m, 486, "x")
		assert.Equal(t, out[0].Wire, b.want(Send)[0].Wire, "a repeated failure gets the ACK again and is not told")
		b.advance(2 * time.Second)
		b.answer(m, 486, "x")
		b.want()
	})
}

// RFC 6026 section 8.4, RFC 3261 section 13.2.2.4: repeated and forked 2xx.
func TestRFC6026_8_4_Accepted(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.start(m, p)
		b.answer(m, 200, "fork1")
		b.want(Response)
		b.answer(m, 200, "fork1")
		b.want() // not acknowledged by the user yet
		ack := newRequest(sip.ACK, "2")
		ack.To = ack.To.WithTag("fork1")
		b.Ack(id, ack, p)
		first := b.want(SendAck)[0]
		b.answer(m, 200, "fork2")
		assert.Equal(t, "fork2", b.want(Response)[0].Msg.To.Tag(), "another fork is handed up")
		other := newRequest(sip.ACK, "3")
		other.To = other.To.WithTag("fork2")
		b.Ack(id, other, p)
		second := b.want(SendAck)[0]
		for range 3 {
			b.answer(m, 200, "fork1")
			assert.Equal(t, first.Wire, b.want(SendAck)[0].Wire)
			b.answer(m, 200, "fork2")
			assert.Equal(t, second.Wire, b.want(SendAck)[0].Wire)
		}
		b.answer(m, 486, "x")
		b.want() // too late
		b.advance(32 * time.Second)
		b.answer(m, 200, "fork1")
		b.want()
	})
}

// RFC 3261 section 17.1.2.2: timer E doubles up to T2, F ends it.
func TestRFC3261_17_1_2_2_TimersEandF(t *testing.T) {
	b := newBench(t)
	id := b.start(newRequest(sip.BYE, "1"), udpPath)
	at, rest := b.sends(time.Minute)
	assert.Equal(t, seconds(0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5), at)
	require.Error(t, timeout(t, rest, id))
}

// RFC 3261 section 17.1.2.2: after a provisional response it is repeated every T2.
func TestRFC3261_17_1_2_2_Proceeding(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.BYE, "1")
	id := b.start(m, udpPath)
	b.answer(m, 100, "")
	b.want(Response)
	at, rest := b.sends(time.Minute)
	assert.Equal(t, seconds(4, 8, 12, 16, 20, 24, 28), at)
	require.Error(t, timeout(t, rest, id))
}

// RFC 3261 section 17.1.2.2: repetitions are absorbed; only the first final response is told. Nothing has to be kept for that.
func TestRFC3261_17_1_2_2_Completed(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.BYE, "1")
		b.start(m, p)
		b.answer(m, 200, "x")
		b.want(Response)
		assert.Zero(t, b.Len())
		b.answer(m, 200, "x")
		b.answer(m, 100, "x")
		b.want()
	})
}

// RFC 3261 section 17.1.3: a response belongs to the request whose branch and method it has.
func TestRFC3261_17_1_3_Matching(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.INVITE, "1")
	b.start(m, udpPath)
	other := newRequest(sip.INVITE, "2")
	b.answer(other, 200, "x")
	b.want()
	wrong := newRequest(sip.CANCEL, "1")
	b.answer(wrong, 200, "x")
	b.want()
	b.answer(m, 404, "x")
	b.want(Send, Response)
}

// RFC 3261 section 9.1: a CANCEL waits for a provisional response and looks like its INVITE.
func TestRFC3261_9_1_CancelWaits(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.start(m, p)
		b.Cancel(b.now, id, []sip.Header{{Name: "Reason", Value: `SIP;cause=487`}})
		b.Cancel(b.now, id, nil)
		b.want()
		b.answer(m, 100, "")
		out := b.want(Response, Send)
		cancel := parsed(t, out[1].Wire)
		assert.Equal(t, sip.CANCEL, cancel.Method)
		assert.Equal(t, m.Via, cancel.Via)
		assert.Equal(t, m.URI, cancel.URI)
		assert.Equal(t, m.Route, cancel.Route)
		assert.Equal(t, sip.CSeq{Number: 20, Method: sip.CANCEL}, cancel.CSeq)
		assert.Empty(t, cancel.To.Tag())
		reason, _ := cancel.Header("Reason")
		assert.Equal(t, "SIP;cause=487", reason)
		b.answer(m, 180, "x")
		b.want(Response)
		b.answer(newRequest(sip.CANCEL, "1"), 200, "x")
		b.want() // nobody's business
		b.answer(m, 487, "x")
		b.want(Send, Response)
	})
}

// RFC 3261 section 9.1: a peer that answers CANCEL and never the INVITE does not hold it for ever.
func TestRFC3261_9_1_NoFinalResponse(t *testing.T) {
	both(t, func(t *testing.T, b *bench, p Path) {
		m := newRequest(sip.INVITE, "1")
		id := b.start(m, p)
		b.answer(m, 180, "x")
		b.want(Response)
		b.Cancel(b.now, id, nil)
		b.want(Send)
		b.answer(newRequest(sip.CANCEL, "1"), 200, "x")
		b.want()
		_, rest := b.sends(32 * time.Second)
		assert.Contains(t, timeout(t, rest, id).Error(), "after CANCEL")
	})
}

// RFC 3261 section 9.1: the 2xx may have crossed the CANCEL; it is told, for ACK and BYE.
func TestRFC3261_9_1_AnsweredAllTheSame(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.INVITE, "1")
	id := b.start(m, udpPath)
	b.Cancel(b.now, id, nil)
	b.answer(m, 200, "x")
	b.want(Response) // and no CANCEL any more
	b.Cancel(b.now, id, nil)
	b.want()
}

// A request tried again under its ID is told by its second attempt only.
func TestSecondAttempt(t *testing.T) {
	b := newBench(t)
	m := newRequest(sip.INVITE, "1")
	id := b.start(m, udpPath)
	b.answer(m, 503, "x")
	b.want(Send, Response)
	again := newRequest(sip.INVITE, "2")
	b.Request(b.now, id, again, tcpPath)
	b.want(Send)
	b.answer(m, 503, "x")
	b.want(Send) // the ACK again, of the first
	b.answer(again, 486, "x")
	out := b.want(Send, Response)
	assert.Equal(t, id, out[1].Tx)
	b.SendFailed(id, errLost)
	b.want()
}

// RFC 3261 section 18.4: an address that is not reachable ends the requests that nothing came back for, and no others.
func TestRFC3261_18_4_Unreachable(t *testing.T) {
	b := newBench(t)
	first, second := b.start(newRequest(sip.INVITE, "1"), udpPath), b.start(newRequest(sip.BYE, "2"), udpPath)
	ringing := newRequest(sip.INVITE, "3")
	b.start(ringing, udpPath)
	b.answer(ringing, 180, "x")
	b.want(Response)
	elsewhere := udpPath
	elsewhere.Remote = tcpPath.Remote
	other := newRequest(sip.BYE, "4")
	b.start(other, elsewhere)
	b.incoming(newRequest(sip.INFO, "in"), udpPath)
	b.Unreachable(udpPath.Flow, udpPath.Remote, errLost)
	var got []ID
	for _, o := range b.outputs() {
		require.Equal(t, Failure, o.Kind)
		got = append(got, o.Tx)
	}
	assert.ElementsMatch(t, []ID{first, second}, got)
	b.answer(other, 200, "x")
	b.answer(ringing, 486, "x")
	b.want(Response, Send, Response)
}
