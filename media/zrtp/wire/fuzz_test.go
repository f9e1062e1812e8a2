package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/wire"
)

func parse(t *testing.T, r *wire.Reassembler, data []byte) {
	p, err := wire.Parse(data)
	if err != nil {
		return
	}
	m := p.Message
	if m == nil {
		require.NotZero(t, p.Fragment.ID)
		require.LessOrEqual(t, p.Fragment.Offset+len(p.Fragment.Data), p.Fragment.Total)
		if m, err = r.Add(time.Time{}, p.Fragment); err != nil || m == nil {
			return
		}
	}
	kind, err := wire.Check(m)
	if err != nil {
		require.Equal(t, wire.Unknown, kind)
		return
	}
	require.Equal(t, m, reread(t, kind, m))
}

// reread is rebuild, after a Confirm was taken for decrypted.
func reread(t *testing.T, kind wire.Type, m []byte) []byte {
	if kind == wire.Confirm1 || kind == wire.Confirm2 || kind == wire.SASrelay {
		_, _ = wire.ParseConfirmBody(wire.ParseConfirm(m).Body)
	}
	return rebuild(t, m)
}

// FuzzParse takes a datagram as it is.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) { parse(t, wire.NewReassembler(2048), data) })
}

// FuzzParseRepaired repairs the CRC, so that what lies behind it is reached. The input is up to 20 datagrams, each after
// its length in two octets.
func FuzzParseRepaired(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		r := wire.NewReassembler(2048)
		for n := 0; len(data) >= 2 && n < 20; n++ {
			size := min(int(data[0])<<8|int(data[1]), len(data)-2)
			p := append([]byte(nil), data[2:2+size]...)
			data = data[2+size:]
			wire.Repair(p)
			parse(t, r, p)
		}
	})
}
