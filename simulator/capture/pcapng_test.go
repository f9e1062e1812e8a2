package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blocks cuts a pcapng file into its blocks and checks both length fields.
func blocks(t *testing.T, file []byte) (kinds []uint32, bodies [][]byte) {
	t.Helper()
	for len(file) > 0 {
		require.GreaterOrEqual(t, len(file), 12)
		size := binary.LittleEndian.Uint32(file[4:])
		require.Zero(t, size%4)
		require.LessOrEqual(t, int(size), len(file))
		require.Equal(t, size, binary.LittleEndian.Uint32(file[size-4:]))
		kinds = append(kinds, binary.LittleEndian.Uint32(file))
		bodies = append(bodies, file[8:size-4])
		file = file[size:]
	}
	return kinds, bodies
}

func TestPcapngStructure(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, filled().WritePcapng(&file))
	kinds, bodies := blocks(t, file.Bytes())
	require.Len(t, kinds, 2+4+11)
	assert.EqualValues(t, blockSection, kinds[0])
	assert.EqualValues(t, blockInterface, kinds[1])
	assert.EqualValues(t, linkRaw, binary.LittleEndian.Uint16(bodies[1]))
	first := bodies[2]
	assert.EqualValues(t, blockEnhanced, kinds[2])
	ns := uint64(binary.LittleEndian.Uint32(first[4:]))<<32 | uint64(binary.LittleEndian.Uint32(first[8:]))
	assert.EqualValues(t, start.UnixNano(), ns)
	ip := first[20:]
	assert.EqualValues(t, 0x45, ip[0])
	assert.EqualValues(t, 28+len(invite), binary.BigEndian.Uint16(ip[2:]))
	assert.EqualValues(t, 0xffff, sum(ip[:20], 0), "header checksum")
	assert.Equal(t, "INVITE", string(ip[28:34]))
	assert.NotContains(t, file.String(), secret)
}

func TestPcapngMayKeepKeys(t *testing.T) {
	r := filled()
	r.KeepKeys = true
	var file bytes.Buffer
	require.NoError(t, r.WritePcapng(&file))
	assert.Contains(t, file.String(), secret)
}

func TestIPv6DatagramHasAValidChecksum(t *testing.T) {
	from, to := netip.MustParseAddrPort("[2001:db8::1]:5060"), netip.MustParseAddrPort("[2001:db8::2]:5061")
	for _, payload := range [][]byte{{1, 2, 3}, {}, make([]byte, 100_000)} {
		p := datagram(from, to, payload)
		udp := p[40:]
		pseudo := append(append([]byte(nil), p[8:40]...), 0, 0, udp[4], udp[5], 0, 0, 0, 17)
		assert.EqualValues(t, 0xffff, sum(udp, uint32(sum(pseudo, 0))))
		assert.LessOrEqual(t, len(p), 65535)
	}
}

func TestRecorderBoundsTheMediaItKeeps(t *testing.T) {
	r := NewRecorder()
	for range maxPackets + 3 {
		r.Packet(time.Time{}, true, marie, bob, nil)
	}
	var out bytes.Buffer
	require.NoError(t, r.Ladder(&out))
	assert.Contains(t, out.String(), "3 further media packets")
}

func TestBothEndsOfAPacketAreOne(t *testing.T) {
	r := NewRecorder()
	r.Packet(time.Time{}, true, marie, bob, []byte{1})
	r.Packet(time.Time{}, false, marie, bob, []byte{1})
	assert.Len(t, r.packets, 1)
	r.Packet(time.Time{}, false, marie, bob, []byte{1}) // the network doubled it
	assert.Len(t, r.packets, 2)
}
