package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

// pathModel is what a peer with ICE may rely on, whatever the order of checks, nominations and packets is.
type pathModel struct {
	*bench
	now      time.Time
	seq      uint16
	other    uint16                  // of leg B
	listed   netip.AddrPort          // the candidate of the description
	checked  map[netip.AddrPort]bool // in this generation
	selected netip.AddrPort
	began    bool      // the peer has checked
	doubted  time.Time // who was heard before is heard until then
	heard    bool      // the stranger was heard before
}

var pathPlaces = []netip.AddrPort{wlan, bridge, natA, addrA2, addrA}

func newPathModel(t testing.TB, suite sdp.Suite) *pathModel {
	m := &pathModel{now: start, listed: wlan, checked: map[netip.AddrPort]bool{}}
	m.bench = newBench(t, checking(suite, wlan), agreed(addrB, sdp.NoSuite, 10, pcmu))
	return m
}

func (m *pathModel) step(op byte) {
	at := pathPlaces[int(op>>4)%len(pathPlaces)]
	switch op & 15 {
	case 0, 1, 2, 3:
		m.speaks(at)
	case 4, 5:
		m.intrudes()
	case 6:
		m.checks(at, Valid)
	case 7:
		m.checks(at, Nominated)
	case 8:
		m.r.Checked(m.now, A, RTP, at, Former)
	case 9:
		m.restarts(false)
	case 10:
		m.restarts(true)
	case 11:
		m.now = m.now.Add(20 * time.Millisecond)
	case 12:
		m.now = m.now.Add(time.Duration(op>>4) * 300 * time.Millisecond)
	case 13:
		m.apply(m.now, A, m.again())
	default:
		m.hears()
	}
	m.r.Tick(m.now)
}

// again is the description as it was: a refresh.
func (m *pathModel) again() sdp.Agreed {
	suite := sdp.NoSuite
	if m.send[A] != nil {
		suite = sdp.AESCM128SHA180
	}
	return checking(suite, m.listed)
}

func (m *pathModel) strangers(from netip.AddrPort, b []byte) bool {
	before := m.r.Stats(A).Strangers
	out := m.r.Handle(m.now, from, A, RTP, roomy(b))
	refused := m.r.Stats(A).Strangers > before
	require.False(m.t, refused && len(out.Packet) > 0)
	return refused
}

func (m *pathModel) speaks(from netip.AddrPort) {
	m.seq++
	refused := m.strangers(from, m.wire(A, 0, m.seq, 7))
	if m.checked[from] || m.began && from == m.listed || m.send[A] != nil || from == m.selected {
		require.False(m.t, refused, "%v is a valid pair or a candidate, or who sends there has the key", from)
	}
}

// intrudes is a packet in clear of who has checked nothing.
func (m *pathModel) intrudes() {
	before := m.r.Stats(A).Packets
	m.r.Handle(m.now, evil, A, RTP, roomy(packet(0, uint16(m.now.UnixMilli()), 666)))
	taken := m.r.Stats(A).Packets > before
	switch {
	case m.send[A] != nil:
		require.False(m.t, taken, "it is not authentic")
	case m.began:
		require.False(m.t, taken && (!m.heard || m.now.After(m.doubted)), "it is a stranger")
	default:
		m.heard = m.heard || taken
	}
}

func (m *pathModel) checks(from netip.AddrPort, c Check) {
	if !m.began {
		m.began, m.doubted = true, m.now.Add(overtaken)
	}
	m.r.Checked(m.now, A, RTP, from, c)
	m.checked[from] = true
	if c == Nominated {
		m.selected = from
		require.Equal(m.t, from, m.r.Stats(A).Remote)
	}
}

func (m *pathModel) restarts(another bool) {
	m.r.Restarted(A, another)
	clear(m.checked)
	if another { // of whom nothing is known
		m.selected, m.began, m.heard = netip.AddrPort{}, false, true
		m.doubted = time.Time{}
	}
}

// hears is a packet to the peer.
func (m *pathModel) hears() {
	m.other++
	_, out, ok := m.talk(m.now, addrB, B, 0, m.other, 8)
	switch {
	case m.selected.IsValid():
		require.True(m.t, ok)
		require.Equal(m.t, m.selected, out.To, "the selected pair and nothing else")
	case ok && m.began && !m.heard:
		require.NotEqual(m.t, evil, out.To)
	}
}

// FuzzPath plays checks, nominations, restarts and packets in any order, in clear and under SRTP.
func FuzzPath(f *testing.F) {
	f.Add([]byte{0x00, 0x16, 0x00, 0x10, 0x06, 0x07, 0x10, 0x0e, 0x04})
	f.Add([]byte{0x04, 0x26, 0x20, 0x04, 0xfc, 0x04, 0x27, 0x0e})
	f.Add([]byte{0x04, 0x26, 0x04, 0xfc, 0x04, 0x27, 0x0e})
	f.Add([]byte{0x07, 0x09, 0x10, 0x16, 0x00, 0x17, 0x00, 0xfc, 0x00, 0x0e})
	f.Add([]byte{0x27, 0x20, 0x0a, 0x20, 0x00, 0x20, 0x0e, 0x37, 0x30})
	f.Fuzz(func(t *testing.T, ops []byte) {
		for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180} {
			m := newPathModel(t, suite)
			for _, op := range ops[:min(len(ops), 400)] {
				m.step(op)
			}
		}
	})
}
