package rtp

import (
	"bytes"
	"testing"

	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func marshalled(t testing.TB, p pion.Packet) []byte {
	b, err := p.Marshal()
	require.NoError(t, err)
	return append(make([]byte, 0, len(b)+MaxExtension), b...)
}

func TestExtension(t *testing.T) {
	for _, profile := range []uint16{pion.ExtensionProfileOneByte, pion.ExtensionProfileTwoByte} {
		p := pion.Packet{Header: pion.Header{Version: 2, SSRC: 7, CSRC: []uint32{1, 2}, Extension: true, ExtensionProfile: profile}, Payload: []byte("media")}
		require.NoError(t, p.SetExtension(1, []byte{9}))
		require.NoError(t, p.SetExtension(4, []byte("video")))
		b := marshalled(t, p)
		assert.Equal(t, []byte("video"), Extension(b, 4))
		assert.Equal(t, []byte{9}, Extension(b, 1))
		assert.Nil(t, Extension(b, 5))
	}
	assert.Nil(t, Extension(marshalled(t, pion.Packet{Header: pion.Header{Version: 2}}), 4))
	other := pion.Header{Version: 2, Extension: true, ExtensionProfile: 0x4242}
	require.NoError(t, other.SetExtension(0, []byte{0x43, 1, 2, 3}))
	assert.Nil(t, Extension(marshalled(t, pion.Packet{Header: other}), 4), "another profile")
}

func TestExtensionsThatLie(t *testing.T) {
	for name, x := range map[string][]byte{
		"one byte, too long":   {0xbe, 0xde, 0, 1, 0x4f, 1, 2, 3},
		"one byte, number 15":  {0xbe, 0xde, 0, 2, 0xf0, 1, 0x40, 'v', 0, 0, 0, 0},
		"two bytes, too long":  {0x10, 0, 0, 1, 4, 9, 1, 2},
		"two bytes, cut":       {0x10, 0, 0, 1, 0, 0, 0, 4},
		"nothing but padding":  {0xbe, 0xde, 0, 1, 0, 0, 0, 0},
		"no word of extension": {0xbe, 0xde, 0, 0},
	} {
		b := append([]byte{0x90, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2}, x...)
		_, err := Parse(b)
		require.NoError(t, err, name)
		assert.Nil(t, Extension(b, 4), name)
	}
}

func TestSetExtension(t *testing.T) {
	plain := pion.Packet{Header: pion.Header{Version: 2, PayloadType: 96, Marker: true, SequenceNumber: 5, SSRC: 7, CSRC: []uint32{1, 2}}, Payload: []byte("media")}
	alien := plain
	require.NoError(t, alien.SetExtension(4, []byte("a value of sixtn")))
	for name, p := range map[string]pion.Packet{"none there": plain, "another there": alien} {
		for _, mid := range []string{"v", "mid", "seven77", "sixteen sixteen!"} {
			b := SetExtension(marshalled(t, p), 4, []byte(mid))
			var got pion.Packet
			require.NoError(t, got.Unmarshal(b), name)
			assert.Equal(t, mid, string(got.GetExtension(4)), name)
			assert.Equal(t, []uint8{4}, got.GetExtensionIDs(), name)
			assert.Equal(t, "media", string(got.Payload), name)
			assert.Equal(t, p.CSRC, got.CSRC, name)
			assert.Equal(t, p.SequenceNumber, got.SequenceNumber, name)
			assert.Equal(t, mid, string(Extension(b, 4)), name)
		}
	}
	for name, b := range map[string][]byte{
		"no room":   bytes.Clone(marshalled(t, plain))[:len(marshalled(t, plain)):len(marshalled(t, plain))],
		"no packet": {0x80},
	} {
		assert.Equal(t, b, SetExtension(bytes.Clone(b)[:len(b):len(b)], 4, []byte("v")), name)
	}
	b := marshalled(t, plain)
	assert.Equal(t, b, SetExtension(b, 4, nil))
	assert.Equal(t, b, SetExtension(b, 4, make([]byte, 17)))
	assert.Equal(t, b, SetExtension(b, 15, []byte("v")))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = Extension(SetExtension(b, 4, b[:3]), 4) }))
}

// Whatever is in a header: nothing is read outside of it, and an element that is set is read again with the payload unchanged.
func FuzzExtension(f *testing.F) {
	f.Add([]byte{0x90, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 0x40, 'v', 0, 0, 'x'}, uint8(4), []byte("v"))
	f.Fuzz(func(t *testing.T, b []byte, id uint8, value []byte) {
		h, err := Parse(b)
		if err != nil {
			return
		}
		if got := Extension(b, id); len(got) > h.Size-HeaderSize {
			t.Fatalf("%x", got)
		}
		payload := bytes.Clone(b[h.Size:])
		out := SetExtension(append(make([]byte, 0, len(b)+MaxExtension), b...), id, value)
		again, err := Parse(out)
		if err != nil || !bytes.Equal(out[again.Size:], payload) {
			t.Fatalf("%x becomes %x, %v", b, out, err)
		}
		if id >= 1 && id <= 14 && len(value) >= 1 && len(value) <= 16 && !bytes.Equal(Extension(out, id), value) {
			t.Fatalf("%x", out)
		}
	})
}

func TestCutExtension(t *testing.T) {
	plain := pion.Packet{Header: pion.Header{Version: 2, PayloadType: 96, Marker: true, SequenceNumber: 5, Timestamp: 9, SSRC: 7, CSRC: []uint32{1, 2}}, Payload: []byte("media")}
	want := marshalled(t, plain)
	require.Equal(t, want, CutExtension(marshalled(t, plain)))
	for _, mid := range []string{"v", "sixteen sixteen!"} {
		require.Equal(t, want, CutExtension(SetExtension(marshalled(t, plain), 4, []byte(mid))))
	}
	empty := append([]byte{0x90, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2}, 0xbe, 0xde, 0, 0)
	require.Equal(t, []byte{0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2}, CutExtension(empty))
	b := SetExtension(marshalled(t, plain), 4, []byte("v"))
	require.Zero(t, testing.AllocsPerRun(100, func() { CutExtension(SetExtension(b, 4, []byte("v"))) }))
}
