package peers

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ipPacket is an IPv4 packet with a UDP datagram (RFC 791, RFC 768) from 127.0.0.1:1000 to 127.0.0.2:2000.
func ipPacket(payload []byte) []byte {
	p := make([]byte, 28, 28+len(payload))
	p[0], p[9] = 0x45, 17
	binary.BigEndian.PutUint16(p[2:], uint16(28+len(payload)))
	copy(p[12:], []byte{127, 0, 0, 1, 127, 0, 0, 2})
	binary.BigEndian.PutUint16(p[20:], 1000)
	binary.BigEndian.PutUint16(p[22:], 2000)
	return append(p, payload...)
}

func TestDatagram(t *testing.T) {
	whole := ipPacket([]byte("hello"))
	f, payload, ok := datagram(append(whole, 0, 0)) // with padding of the link
	require.True(t, ok)
	assert.Equal(t, flow{netip.MustParseAddrPort("127.0.0.1:1000"), netip.MustParseAddrPort("127.0.0.2:2000")}, f)
	assert.Equal(t, "hello", string(payload))
	for n := range len(whole) {
		_, _, ok := datagram(whole[:n])
		assert.False(t, ok, n)
	}
	tcp := ipPacket(nil)
	tcp[9] = 6
	_, _, ok = datagram(tcp)
	assert.False(t, ok)
}

func TestWireTellsWhatIsEncrypted(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var speech, cipher, leak Wire
	for n := range 100 {
		plain := make([]byte, clearLength)
		plain[0] = 0x80
		for i := range plain[12:] {
			plain[12+i] = byte(0x80 | (i*n)&0x3f)
		}
		secret := make([]byte, clearLength+10)
		for i := range secret {
			secret[i] = byte(random.Uint32())
		}
		secret[0], secret[1] = 0x80, 0
		speech.take(plain)
		cipher.take(secret)
		if leak.take(secret); n == 0 {
			leak.take(plain)
		}
	}
	require.NoError(t, speech.Check(false))
	require.Error(t, speech.Check(true))
	require.NoError(t, cipher.Check(true))
	require.Error(t, cipher.Check(false))
	require.NoError(t, leak.Check(true))
	assert.Equal(t, 1, leak.ClearRTP)
	assert.Zero(t, cipher.ClearRTP)
	var both Wire
	both.add(&speech)
	both.add(&cipher)
	assert.Equal(t, 200, both.RTP)
	var none Wire
	assert.ErrorContains(t, none.Check(true), "too few")
}

func TestWireTellsProtocols(t *testing.T) {
	var w Wire
	dtls := append([]byte{22, 0xfe, 0xfd}, make([]byte, 20)...)
	stun := make([]byte, 20)
	report := append([]byte{0x80, 200, 0, 6}, make([]byte, 24)...)
	sealed := append(append([]byte{}, report...), 0x80, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	two := append(append([]byte{}, report...), 0x81, 203, 0, 1, 1, 2, 3, 4)
	for _, p := range [][]byte{dtls, stun, report, sealed, two, []byte("short"), []byte("INVITE sip:bob@example.org SIP/2.0")} {
		w.take(p)
	}
	assert.Equal(t, Wire{STUN: 1, DTLS: 1, RTCP: 3, ClearRTCP: 2}, w)
}

// TestSniff reads what this test sends. Where raw sockets are not allowed, it is enough to be told so.
func TestSniff(t *testing.T) {
	s, err := Sniff()
	if err != nil {
		require.ErrorIs(t, err, ErrNotAllowed)
		return
	}
	defer s.Close()
	here, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer func() { _ = here.Close() }()
	at := here.LocalAddr().(*net.UDPAddr).AddrPort()
	_, err = here.WriteToUDPAddrPort(append([]byte{0x80, 0}, make([]byte, 170)...), at)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		to, from := s.Between(func(a netip.AddrPort) bool { return a == at })
		return to.RTP == 1 && from.RTP == 1
	}, 10*time.Second, 5*time.Millisecond)
}

func TestTable(t *testing.T) {
	var table Table
	assert.Empty(t, table.String())
	table.Add(Row{Pair: "a > b", Forth: [2]int{5, 4}, Back: [2]int{3, 2}, Lost: 1, Wire: "w"})
	table.Add(Row{Pair: "c > d", Failed: true, Note: "; why"})
	text := table.String()
	assert.Regexp(t, `a > b +5/4 +3/2 +1 +0 +w +ok\n`, text)
	assert.Contains(t, text, "FAILED; why\n")
	assert.Contains(t, text, "2 pairs, 1 failed")
}

func TestFreeRange(t *testing.T) {
	first, err := freeRange(20)
	require.NoError(t, err)
	second, err := freeRange(20)
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	assert.Zero(t, first%2)
}
