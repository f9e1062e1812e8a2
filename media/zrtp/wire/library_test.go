//go:build shared

package wire_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/internal/recorded"
	"b2bua/media/zrtp/wire"
)

// CRCs as another implementation wrote them behind packets, and behind the check string of the polynomial.
func TestSharedCRC(t *testing.T) {
	vectors := recorded.ReadLibrary(t).CRC.Vectors
	require.Len(t, vectors, 4)
	for _, v := range vectors {
		p := append(append([]byte{}, v.Input...), 0, 0, 0, 0)
		wire.Repair(p)
		require.Equal(t, []byte(v.CRC), p[len(v.Input):])
	}
}

// Every packet of a real exchange is accepted and written back as it was.
func TestSharedCapture(t *testing.T) {
	packets := recorded.ReadLibrary(t).Capture.Packets
	require.Len(t, packets, 9)
	for _, p := range packets {
		parsed, err := wire.Parse(p.Data)
		require.NoError(t, err, p.Type)
		require.Equal(t, []byte(p.Data), wire.AppendPacket(nil, parsed.Sequence, parsed.SSRC, parsed.Message), p.Type)
		require.Equal(t, parsed.Message, rebuild(t, parsed.Message), p.Type)
	}
}

// A Hello in two fragments is the Hello in one packet, in either order; the malicious ones are refused. The first fragment has
// the message ID 0, which counts among the malicious by now: both are given another.
func TestSharedFragments(t *testing.T) {
	hello := recorded.ReadLibrary(t).Hello
	whole, err := wire.Parse(hello.Packet)
	require.NoError(t, err)
	now := time.Unix(0, 0)
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		r := wire.NewReassembler(wire.MaxPacket)
		for i, n := range order {
			fragment := bytes.Clone(hello.Fragments[n])
			fragment[12], fragment[13] = 0, 1
			wire.Repair(fragment)
			p, err := wire.Parse(fragment)
			require.NoError(t, err)
			m, err := r.Add(now, p.Fragment)
			require.NoError(t, err)
			if i == 1 {
				require.Equal(t, whole.Message, m)
			}
		}
	}
	require.NotEmpty(t, hello.Malicious)
	for _, f := range hello.Malicious {
		_, err := wire.Parse(f.Data)
		require.ErrorIs(t, err, wire.ErrFragment, f.Why)
	}
}
