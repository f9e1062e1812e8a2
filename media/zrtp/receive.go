package zrtp

import (
	"bytes"
	"crypto/sha256"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// drop counts a packet that is not used.
func (st *Stream) drop() {
	st.bad++
	if st.bad == badPackets {
		st.alert(ManyBadPackets)
	}
}

// receive takes a datagram.
func (st *Stream) receive(data []byte) {
	if st.state == idle || st.state == dead {
		return
	}
	p, err := wire.Parse(data)
	if err != nil {
		st.drop()
		return
	}
	m := p.Message
	if m == nil {
		if m = st.reassemble(p); m == nil {
			return
		}
	}
	t, err := wire.Check(m)
	if err != nil {
		st.drop()
		return
	}
	st.seen = true
	switch {
	case t == wire.Ping:
		st.onPing(m, p.SSRC)
	case p.SSRC == st.ssrc:
		st.onCollision(t, m)
	case t == wire.Hello:
		st.onHello(m, p.SSRC)
	case st.peer.hello != nil && p.SSRC != st.peer.ssrc:
		st.drop()
	case st.state == errorSent:
		if t == wire.ErrorACK { // the Hello may serve another peer yet (Succeed)
			st.quietTimers()
			st.state = dead
		}
	default:
		st.dispatch(t, m, p.SSRC)
	}
}

func (st *Stream) reassemble(p wire.Packet) []byte {
	if st.peer.hello == nil || p.SSRC != st.peer.ssrc || st.fragments == nil {
		st.drop()
		return nil
	}
	m, err := st.fragments.Add(st.session.now, p.Fragment)
	if err != nil {
		st.drop()
	}
	return m
}

func (st *Stream) dispatch(t wire.Type, m []byte, ssrc uint32) {
	switch t {
	case wire.HelloACK:
		st.onHelloACK(ssrc)
	case wire.Commit:
		st.onCommit(m)
	case wire.DHPart1:
		st.onDHPart1(m)
	case wire.DHPart2:
		st.onDHPart2(m)
	case wire.Confirm1:
		st.onConfirm1(m)
	case wire.Confirm2:
		st.onConfirm2(m)
	case wire.Conf2ACK:
		if st.state == conf2Sent {
			st.finish()
		}
	case wire.Failure:
		st.onError(Code(wire.ParseFailure(m)))
	case wire.GoClear:
		st.onGoClear(m)
	case wire.SASrelay:
		st.onSASrelay(m)
	case wire.ErrorACK, wire.PingACK, wire.ClearACK, wire.RelayACK: // nothing of ours waits for them
	case wire.Hello, wire.Ping, wire.Unknown: // were handled before
	}
}

// onPing answers in every state (RFC 6189 section 5.15).
func (st *Stream) onPing(m []byte, ssrc uint32) {
	if !st.may(answerPing) {
		return
	}
	c := &st.session.config
	ours := [8]byte(c.ZID[:])
	if c.URI != "" {
		sum := sha256.Sum256(append(c.ZID[:], c.URI...))
		ours = [8]byte(sum[:])
	}
	st.send(&message{data: wire.AppendPingACK(nil, wire.PingACKFields{
		Version: wire.Version, Endpoint: ours, Asked: wire.ParsePing(m).Endpoint, SSRC: ssrc,
	})})
}

// onCollision takes a packet with our own SSRC: it is one of ours that came back, or the peer chose the same number.
func (st *Stream) onCollision(t wire.Type, m []byte) {
	st.drop()
	if t == wire.Hello && alg.ZID(wire.ParseHello(m).ZID) != st.session.config.ZID {
		st.alert(SSRCCollision)
		st.tell(CodeSSRC)
	}
}

// onError takes an Error, which anybody may have sent: it is believed when the peer is silent afterwards.
func (st *Stream) onError(code Code) {
	st.answer(answerError, wire.ErrorACK)
	if st.state == secure || st.peer.hello == nil {
		return
	}
	st.alert(PeerError)
	if st.graceAt.IsZero() && st.expects() {
		st.graceAt, st.graceCode = st.session.now.Add(grace), code
	}
}

// expects tells whether a peer that is there would say something soon.
func (st *Stream) expects() bool {
	return st.state.is(discover, commitSent, dh1Sent, dh2Sent, conf1Sent, conf2Sent)
}

// onGoClear refuses: we never announce that it is allowed.
func (st *Stream) onGoClear(m []byte) {
	if st.state != secure {
		st.drop()
		return
	}
	if !st.keys.Sent(st.role.Peer()).ClearMAC().Equal(wire.ParseGoClear(m)) {
		st.drop()
		return
	}
	st.tell(CodeNoClear)
}

// onSASrelay acknowledges, because libzrtp ends its call if nobody does; the SAS is not used.
func (st *Stream) onSASrelay(m []byte) {
	if st.state != secure {
		st.drop()
		return
	}
	c := wire.ParseConfirm(m)
	if st.keys.Sent(st.role.Peer()).Open(c.MAC, c.IV, bytes.Clone(c.Body)) != nil {
		st.drop()
		return
	}
	st.answer(answerAgain, wire.RelayACK)
}
