package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/internal/recorded"
	"b2bua/media/zrtp/wire"
)

func transcripts(t testing.TB) *recorded.Set {
	t.Helper()
	set, err := recorded.Read("../testdata/transcripts.json.gz")
	require.NoError(t, err)
	return set
}

// packets gives every recorded datagram.
func packets(set *recorded.Set) []recorded.Packet {
	var all []recorded.Packet
	for _, tr := range set.Transcripts {
		for _, call := range tr.Calls {
			for _, ch := range call.Channels {
				all = append(all, ch.Packets...)
			}
		}
	}
	for _, c := range set.Control.Vectors {
		for _, d := range c.Datagrams() {
			all = append(all, recorded.Packet{Data: d})
		}
	}
	return all
}

// rebuild writes a message again from what its Parse function says.
func rebuild(t testing.TB, m []byte) []byte {
	kind, err := wire.Check(m)
	require.NoError(t, err)
	var out []byte
	switch kind {
	case wire.Hello:
		out = wire.AppendHello(nil, wire.ParseHello(m))
	case wire.Commit:
		out = wire.AppendCommit(nil, wire.ParseCommit(m))
	case wire.DHPart1, wire.DHPart2:
		out = wire.AppendDHPart(nil, kind, wire.ParseDHPart(m))
	case wire.Confirm1, wire.Confirm2, wire.SASrelay:
		return wire.AppendConfirm(nil, kind, wire.ParseConfirm(m))
	case wire.Failure:
		return wire.AppendFailure(nil, wire.ParseFailure(m))
	case wire.GoClear:
		return wire.AppendGoClear(nil, wire.ParseGoClear(m))
	case wire.Ping:
		return wire.AppendPing(nil, wire.ParsePing(m))
	case wire.PingACK:
		return wire.AppendPingACK(nil, wire.ParsePingACK(m))
	case wire.HelloACK, wire.Conf2ACK, wire.ErrorACK, wire.ClearACK, wire.RelayACK:
		return wire.AppendEmpty(nil, kind)
	case wire.Unknown:
		require.Fail(t, "unknown type")
	}
	copy(wire.MAC(out), wire.MAC(m))
	return out
}

// Every recorded packet of three implementations is read, and written again to the same octets.
func TestRecordedPackets(t *testing.T) {
	set := transcripts(t)
	whole, parts := 0, 0
	for _, p := range packets(set) {
		got, err := wire.Parse(p.Data)
		require.NoError(t, err)
		if got.Message == nil {
			parts++
			assert.Equal(t, []byte(p.Data), wire.AppendFragment(nil, got.Sequence, got.SSRC, got.Fragment))
			continue
		}
		whole++
		assert.Equal(t, []byte(p.Data), wire.AppendPacket(nil, got.Sequence, got.SSRC, rebuild(t, got.Message)))
		if kind, _ := wire.Check(got.Message); p.Type != "" {
			assert.Equal(t, p.Type, kind.String())
		}
	}
	t.Logf("%d whole packets, %d fragments", whole, parts)
	assert.Positive(t, whole)
}

// The fragments of each recorded message give the message, and cutting that message gives the same fragments.
func TestRecordedFragments(t *testing.T) {
	for _, tr := range transcripts(t).Transcripts {
		for _, ch := range tr.Calls[0].Channels {
			full := map[string]*wire.Reassembler{"alice": wire.NewReassembler(17000), "bob": wire.NewReassembler(17000)}
			seen := map[string]int{}
			for _, p := range ch.Packets {
				got, err := wire.Parse(p.Data)
				require.NoError(t, err)
				if got.Message != nil {
					continue
				}
				seen[p.From] = max(seen[p.From], len(p.Data))
				m, err := full[p.From].Add(time.Time{}, got.Fragment)
				require.NoError(t, err)
				if m == nil {
					continue
				}
				kind, err := wire.Check(m)
				require.NoError(t, err)
				name := map[wire.Type]string{wire.Commit: "commit", wire.DHPart1: "dhpart1", wire.DHPart2: "dhpart2"}[kind]
				if kind != wire.Commit || p.From == ch.Initiator {
					assert.Equal(t, []byte(ch.Messages[name]), m, tr.ID)
				}
				assert.Equal(t, m, rebuild(t, m))
				assert.Equal(t, seen[p.From], wire.FragmentData(seen[p.From])+24)
			}
		}
	}
}

func TestCRCOfTheCheckString(t *testing.T) {
	p := append([]byte("123456789"), 0, 0, 0, 0)
	wire.Repair(p)
	assert.Equal(t, []byte{0x83, 0x92, 0x06, 0xe3}, p[9:])
}

func ack() []byte { return wire.AppendEmpty(nil, wire.HelloACK) }

func TestFrameFaults(t *testing.T) {
	good := wire.AppendPacket(nil, 7, 9, ack())
	alter := func(change func(p []byte) []byte) []byte {
		p := change(append([]byte(nil), good...))
		wire.Repair(p)
		return p
	}
	set := func(at int, b byte) func([]byte) []byte {
		return func(p []byte) []byte { p[at] = b; return p }
	}
	wrongCRC := append([]byte(nil), good...)
	wrongCRC[27] ^= 1
	for name, c := range map[string]struct {
		packet []byte
		want   error
	}{
		"short":          {good[:27], wire.ErrSize},
		"empty":          {nil, wire.ErrSize},
		"long":           {make([]byte, 3073), wire.ErrSize},
		"RTP":            {alter(set(0, 0x80)), wire.ErrNotZRTP},
		"cookie":         {alter(set(4, 0x5b)), wire.ErrNotZRTP},
		"CRC":            {wrongCRC, wire.ErrCRC},
		"length":         {alter(set(15, 4)), wire.ErrLength},
		"odd size":       {alter(func(p []byte) []byte { return append(p, 0) }), wire.ErrLength},
		"short fragment": {alter(set(0, 0x11)), wire.ErrLength},
	} {
		_, err := wire.Parse(c.packet)
		assert.ErrorIs(t, err, c.want, name)
	}
	_, err := wire.Parse(alter(set(1, 0xff)))
	assert.NoError(t, err, "the twelve low bits are ignored")
}

func TestMessageFaults(t *testing.T) {
	hello := wire.AppendHello(nil, wire.HelloFields{Hashes: wire.ListOf(wire.Code{'S', '2', '5', '6'})})
	commit := wire.AppendCommit(nil, wire.CommitFields{Agreement: wire.Code{'M', 'u', 'l', 't'}})
	with := func(m []byte, at int, b ...byte) []byte {
		m = append([]byte(nil), m...)
		copy(m[at:], b)
		return m
	}
	longer := func(m []byte) []byte {
		m = append(append([]byte(nil), m...), 0, 0, 0, 0)
		return with(m, 2, 0, byte(len(m)/4))
	}
	for name, c := range map[string]struct {
		message []byte
		want    error
	}{
		"preamble":               {with(ack(), 0, 0x51), wire.ErrPreamble},
		"type":                   {with(ack(), 4, 'h'), wire.ErrType},
		"no message":             {nil, wire.ErrLength},
		"too long an ACK":        {longer(ack()), wire.ErrTypeLength},
		"eight hashes":           {with(hello, 77, 8), wire.ErrHelloCounts},
		"counts and length":      {with(hello, 77, 2), wire.ErrHelloCounts},
		"longer Hello":           {longer(hello), wire.ErrHelloCounts},
		"Mult with hvi":          {longer(commit), wire.ErrTypeLength},
		"DH without hvi":         {with(commit, 68, []byte("DH3k")...), wire.ErrTypeLength},
		"Prsh without key":       {with(commit, 68, []byte("Prsh")...), wire.ErrTypeLength},
		"Commit of Hello's size": {with(hello, 4, []byte("Commit  ")...), wire.ErrTypeLength},
	} {
		kind, err := wire.Check(c.message)
		assert.ErrorIs(t, err, c.want, name)
		assert.Equal(t, wire.Unknown, kind, name)
	}
}

func TestConfirmBody(t *testing.T) {
	body := wire.ConfirmBody{H0: [32]byte{1}, Flags: wire.FlagVerified, Expiration: 5, Signature: make([]byte, 511*4)}
	b := wire.AppendConfirmBody(nil, body)
	got, err := wire.ParseConfirmBody(b)
	require.NoError(t, err)
	assert.Equal(t, body, got)
	_, err = wire.ParseConfirmBody(b[:len(b)-4])
	assert.ErrorIs(t, err, wire.ErrConfirmBody)
	_, err = wire.ParseConfirmBody(b[:8])
	assert.ErrorIs(t, err, wire.ErrConfirmBody)
	assert.NotContains(t, body.GoString()+body.String(), "1")
}

func TestPacketsAreReadWithoutAllocation(t *testing.T) {
	p := wire.AppendPacket(nil, 7, 9, wire.AppendHello(nil, wire.HelloFields{Hashes: wire.ListOf(wire.Code{'S', '2', '5', '6'})}))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		got, err := wire.Parse(p)
		if kind, _ := wire.Check(got.Message); err != nil || kind != wire.Hello || wire.ParseHello(got.Message).Hashes.Len() != 1 {
			t.Fail()
		}
	}))
}
