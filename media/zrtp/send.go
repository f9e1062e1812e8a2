package zrtp

import (
	"fmt"
	"io"

	"b2bua/media/zrtp/wire"
)

// send hands a message out, in fragments if it is longer than a datagram may be.
func (st *Stream) send(m *message) {
	mtu := st.session.config.MTU
	if wire.HeaderSize+len(m.data)+wire.CRCSize <= mtu {
		if seq, ok := st.next(); ok {
			st.out(Send{Data: wire.AppendPacket(nil, seq, st.ssrc, m.data)})
		}
		return
	}
	if m.id == 0 {
		m.id = st.fragmentID
		st.fragmentID++
	}
	size := wire.FragmentData(mtu)
	for at := 0; at < len(m.data); at += size {
		seq, ok := st.next()
		if !ok {
			return
		}
		st.out(Send{Data: wire.AppendFragment(nil, seq, st.ssrc, wire.Fragment{
			ID: m.id, Total: len(m.data), Offset: at, Data: m.data[at:min(at+size, len(m.data))],
		})})
	}
}

func (st *Stream) next() (uint16, bool) {
	if st.sequence == lastSequence {
		return 0, false
	}
	seq := st.sequence
	st.sequence++
	return seq, true
}

func (st *Stream) sendEmpty(t wire.Type) { st.send(&message{data: wire.AppendEmpty(nil, t)}) }

// answer sends a message that has no fields, as often as the limit allows.
func (st *Stream) answer(a answer, t wire.Type) {
	if st.may(a) {
		st.sendEmpty(t)
	}
}

// resend answers a repeated request with the same octets.
func (st *Stream) resend(m *message) {
	if st.may(answerAgain) {
		st.send(m)
	}
}

// tell sends an Error once, without failing.
func (st *Stream) tell(code Code) {
	if st.may(sendError) {
		st.send(&message{data: wire.AppendFailure(nil, uint32(code))})
	}
}

func (st *Stream) draw(b []byte) error {
	if _, err := io.ReadFull(st.session.config.Rand, b); err != nil {
		return fmt.Errorf("zrtp: source of randomness: %w", err)
	}
	return nil
}
