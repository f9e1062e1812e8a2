package zrtp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// machine is a world whose events a program decides about: nothing arrives by itself.
type machine struct {
	*world
	flying  [2][]flight
	stale   [2][]flight // what was delivered before
	foreign [][]byte    // recorded packets
}

type flight struct {
	stream int
	data   []byte
}

func newMachine(t testing.TB, foreign [][]byte) *machine {
	m := &machine{world: newWorld(t, 1), foreign: foreign}
	m.meddle = func(from *end, stream int, data []byte) [][]byte {
		m.flying[from.number] = append(m.flying[from.number], flight{stream, data})
		return nil
	}
	for i := range m.ends {
		c := config(i)
		c.Lists[alg.KindAgreement] = []alg.Code{alg.K255, alg.X255, alg.Mult}
		for _, l := range m.join(i, c, 2, nil).lines {
			l.media = true // none: Authenticated is an instruction
		}
	}
	return m
}

// step runs one instruction of three octets.
func (m *machine) step(op, x, y byte) {
	from := int(x) & 1
	switch op % 12 {
	case 0, 1, 2: // the oldest arrives
		m.deliver(from, 0, true, 0)
	case 3: // one overtakes
		m.deliver(from, int(y), true, 0)
	case 4: // one arrives and stays
		m.deliver(from, int(y), false, 0)
	case 5: // one is lost
		m.lose(from, int(y))
	case 6:
		m.run(time.Duration(y) * 10 * time.Millisecond)
	case 7: // one octet is changed, and the CRC repaired
		m.deliver(from, 0, false, int(y)+1)
	case 8:
		m.input(from, x, y)
	case 9: // a packet of another conversation, or an old one of this
		m.old(from, x, y)
	case 10:
		m.inject(from, x, y)
	case 11: // everything arrives
		for range 16 {
			m.deliver(from, 0, true, 0)
			m.deliver(1-from, 0, true, 0)
			m.run(time.Millisecond)
		}
	}
}

func (m *machine) deliver(from, at int, take bool, flip int) {
	q := m.flying[from]
	if len(q) == 0 {
		return
	}
	at %= len(q)
	f := q[at]
	if take {
		m.flying[from] = append(append([]flight{}, q[:at]...), q[at+1:]...)
		m.stale[from] = append(m.stale[from], f)
	}
	if flip > 0 {
		d := append([]byte{}, f.data...)
		d[(flip*7)%len(d)] ^= byte(1 << (flip % 8))
		wire.Repair(d)
		f.data = d
	}
	m.ends[1-from].do(f.stream, Packet{Data: f.data})
}

func (m *machine) lose(from, at int) {
	if q := m.flying[from]; len(q) > 0 {
		at %= len(q)
		m.flying[from] = append(append([]flight{}, q[:at]...), q[at+1:]...)
	}
}

func (m *machine) input(to int, x, y byte) {
	e, stream := m.ends[to], int(x>>1)&1
	switch y % 6 {
	case 0, 1:
		e.do(stream, Start{})
	case 2:
		e.do(stream, Restart{})
	case 3: // only if it is true
		other := m.ends[1-to].lines[stream]
		if l := e.lines[stream]; len(l.receive) > 0 && len(other.send) > 0 && string(l.receive[0]) == string(other.send[0]) {
			e.do(stream, Authenticated{})
		}
	case 4:
		e.do(stream, PeerHash{Hash: m.ends[1-to].lines[stream].HelloHash()})
	case 5:
		e.do(stream, Tick{})
	}
}

func (m *machine) old(to int, x, y byte) {
	list := m.stale[1-to]
	if x&4 != 0 || len(list) == 0 {
		if len(m.foreign) == 0 {
			return
		}
		m.ends[to].do(int(x>>1)&1, Packet{Data: m.foreign[(int(x>>3)<<8|int(y))%len(m.foreign)]})
		return
	}
	f := list[int(y)%len(list)]
	m.ends[to].do(f.stream, Packet{Data: f.data})
}

// inject sends what anybody can send who knows the SSRC.
func (m *machine) inject(to int, x, y byte) {
	e, stream := m.ends[to], int(x>>1)&1
	other := m.ends[1-to].lines[stream]
	switch y % 5 {
	case 0:
		e.inject(stream, wire.AppendFailure(nil, uint32(x)))
	case 1:
		e.inject(stream, wire.AppendEmpty(nil, wire.HelloACK))
	case 2:
		e.inject(stream, sealed(wire.AppendHello(nil, wire.HelloFields{Version: wire.Version, ZID: [12]byte{x}}), alg.Image{}))
	case 3:
		e.inject(stream, wire.AppendCommit(nil, wire.CommitFields{ZID: other.session.config.ZID, Agreement: codeMult}))
	case 4:
		e.inject(stream, wire.AppendPing(nil, wire.PingFields{}))
	}
}

// check is what holds at any time.
func (m *machine) check() {
	for i := range m.ends[0].lines {
		x, y := m.ends[0].lines[i], m.ends[1].lines[i]
		for _, l := range []*line{x, y} {
			require.LessOrEqual(m.t, len(l.send), 1)
			require.LessOrEqual(m.t, len(l.receive), 1)
			require.LessOrEqual(m.t, len(l.failures), 1)
			require.Equal(m.t, l.Secure(), len(l.reports) == 1)
			require.False(m.t, l.Secure() && len(l.failures) > 0)
		}
		if x.Secure() && y.Secure() {
			require.Equal(m.t, []byte(x.send[0]), []byte(y.receive[0]))
			require.Equal(m.t, []byte(y.send[0]), []byte(x.receive[0]))
			require.Equal(m.t, x.reports[0].SAS, y.reports[0].SAS)
		}
		// Who may send, has proof that the other has the same keys: it sent a Confirm.
		for _, l := range [][2]*line{{x, y}, {y, x}} {
			if len(l[0].receive) > 0 {
				require.NotEmpty(m.t, l[1].confirm.data, "somebody else's keys were installed")
			}
		}
	}
	for i, e := range m.ends {
		if len(e.cache.records) > 0 {
			require.True(m.t, e.secure(), "end %d stored a secret", i)
		}
	}
}

// The instructions are enough for a good end.
func TestProgramReachesSecure(t *testing.T) {
	m := newMachine(t, nil)
	for _, x := range []byte{0, 1, 2, 3} {
		m.step(8, x, 0)
	}
	for range 12 {
		m.step(11, 0, 0)
	}
	m.check()
	require.True(t, m.settle())
}

// FuzzStream runs a program of events against two ends: any order, loss, repetition and change of packets, foreign packets,
// Errors, time. Only the network lies, the ends are honest.
func FuzzStream(f *testing.F) {
	var foreign [][]byte
	for _, tr := range transcripts(f).Transcripts {
		for _, p := range tr.Calls[0].Channels[0].Packets {
			foreign = append(foreign, p.Data)
		}
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		m := newMachine(t, foreign)
		if len(program) > 900 {
			program = program[:900]
		}
		for ; len(program) >= 3; program = program[3:] {
			m.step(program[0], program[1], program[2])
		}
		m.check()
		sends := m.ends[0].sends + m.ends[1].sends
		require.Less(t, sends, 30000)
		for i, e := range m.ends {
			e.Close()
			e.sends = 0
			for s := range e.lines {
				e.do(s, Start{})
				e.inject(s, wire.AppendPing(nil, wire.PingFields{}))
			}
			require.Zero(t, e.sends, "end %d sends after its end", i)
		}
	})
}
