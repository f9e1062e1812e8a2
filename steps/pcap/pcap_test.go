package pcap

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/capture"
)

func file(t testing.TB) []byte {
	t.Helper()
	r := capture.NewRecorder()
	r.Packet(time.Unix(1, 0), true, netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.2:50000"), []byte("payload"))
	r.Packet(time.Unix(2, 0), true, netip.MustParseAddrPort("[::1]:40000"), netip.MustParseAddrPort("[::1]:50000"), []byte("six"))
	var b bytes.Buffer
	require.NoError(t, r.WritePcapng(&b))
	return b.Bytes()
}

func TestRead(t *testing.T) {
	got, err := Read(file(t))
	require.NoError(t, err)
	assert.Equal(t, []Datagram{
		{From: netip.MustParseAddrPort("127.0.0.1:40000"), To: netip.MustParseAddrPort("127.0.0.2:50000"), Payload: []byte("payload")},
		{From: netip.MustParseAddrPort("[::1]:40000"), To: netip.MustParseAddrPort("[::1]:50000"), Payload: []byte("six")},
	}, got)
}

func TestReadRefusesWhatIsNoCapture(t *testing.T) {
	good := file(t)
	_, err := Read(good[:len(good)-5])
	assert.Error(t, err)
	_, err = Read([]byte("this is a text file, no capture"))
	assert.Error(t, err)
	_, err = Read(good[28:])
	assert.Error(t, err)
}

func FuzzRead(f *testing.F) {
	f.Add(file(f))
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = Read(raw) })
}
