package srtp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtcp"
	pion "github.com/pion/srtp/v3"
	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

var suites = []sdp.Suite{
	sdp.AESCM128SHA180, sdp.AESCM128SHA132, sdp.AES256CMSHA180, sdp.AES256CMSHA132, sdp.AEADAES128GCM, sdp.AEADAES256GCM,
}

func profileOf(s sdp.Suite) pion.ProtectionProfile {
	return map[sdp.Suite]pion.ProtectionProfile{
		sdp.AESCM128SHA180: pion.ProtectionProfileAes128CmHmacSha1_80, sdp.AESCM128SHA132: pion.ProtectionProfileAes128CmHmacSha1_32,
		sdp.AES256CMSHA180: pion.ProtectionProfileAes256CmHmacSha1_80, sdp.AES256CMSHA132: pion.ProtectionProfileAes256CmHmacSha1_32,
		sdp.AEADAES128GCM: pion.ProtectionProfileAeadAes128Gcm, sdp.AEADAES256GCM: pion.ProtectionProfileAeadAes256Gcm,
	}[s]
}

// crypto is a reproducible key.
func crypto(s sdp.Suite, seed uint64) sdp.Crypto {
	key := make(sdp.Secret, KeyLen(s))
	r := rand.New(rand.NewPCG(seed, 7))
	for i := range key {
		key[i] = byte(r.Uint32())
	}
	return sdp.Crypto{Tag: 1, Suite: s, Key: key}
}

// reference is pion's context for the same key.
func reference(t testing.TB, c sdp.Crypto, opts ...pion.ContextOption) *pion.Context {
	p, _ := suiteParams(c.Suite)
	if len(c.MKI) > 0 {
		opts = append(opts, pion.MasterKeyIndicator(c.MKI))
	}
	ctx, err := pion.CreateContext(c.Key[:p.key], c.Key[p.key:], profileOf(c.Suite), opts...)
	require.NoError(t, err)
	return ctx
}

func pair(t testing.TB, c sdp.Crypto) (*Sender, *Receiver) {
	s, err := NewSender(c)
	require.NoError(t, err)
	r, err := NewReceiver(c)
	require.NoError(t, err)
	return s, r
}

func each(t *testing.T, f func(t *testing.T, s sdp.Suite)) {
	for _, s := range suites {
		t.Run(profileOf(s).String(), func(t *testing.T) { f(t, s) })
	}
}

// packet is an RTP packet with a payload that tells its number.
func packet(seq uint16, ssrc uint32, n int) []byte {
	b := make([]byte, rtp.HeaderSize+n, rtp.HeaderSize+n+MaxOverhead)
	b[0], b[1] = 0x80, 96
	rtp.SetLine(b, seq, uint32(seq)*160, ssrc)
	for i := rtp.HeaderSize; i < len(b); i++ {
		b[i] = byte(i) ^ byte(seq)
	}
	return b
}

func report(t testing.TB, ssrc uint32, n int) []byte {
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.SenderReport{SSRC: ssrc, PacketCount: uint32(n), Reports: []rtcp.ReceptionReport{{SSRC: 5}}},
		rtcp.NewCNAMESourceDescription(ssrc, "a@example.org"),
	})
	require.NoError(t, err)
	return room(b)
}

// Both directions against pion over more than one roll-over, and RTCP.
func TestAgainstPion(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		for _, mki := range [][]byte{nil, {1, 2, 3}} {
			c := crypto(suite, 1)
			c.MKI = mki
			s, r := pair(t, c)
			theirRecv, theirSend := reference(t, c, pion.SRTPReplayProtection(64)), reference(t, c)
			for i := range 1400 {
				seq := uint16(i * 101) // past two roll-overs
				plain := packet(seq, 42, i%90)
				wire, err := theirSend.EncryptRTP(nil, plain, nil)
				require.NoError(t, err)
				got, err := r.Unprotect(bytes.Clone(wire))
				require.NoError(t, err)
				require.Equal(t, plain, got)
				ours, err := s.Protect(room(plain))
				require.NoError(t, err)
				require.Equal(t, wire, ours)
				got, err = theirRecv.DecryptRTP(nil, ours, nil)
				require.NoError(t, err)
				require.Equal(t, plain, got)
			}
			for i := range 40 {
				plain := report(t, 42, i)
				wire, err := theirSend.EncryptRTCP(nil, plain, nil)
				require.NoError(t, err)
				got, err := r.UnprotectRTCP(bytes.Clone(wire))
				require.NoError(t, err)
				require.Equal(t, plain, got)
				ours, err := s.ProtectRTCP(room(plain))
				require.NoError(t, err)
				got, err = theirRecv.DecryptRTCP(nil, ours, nil)
				require.NoError(t, err)
				require.Equal(t, plain, got)
			}
		}
	})
}

// Loss, reordering and duplicates over roll-overs: each packet is opened at most once, and every one that is not far late.
func TestLossAndReordering(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		rnd := rand.New(rand.NewPCG(11, uint64(suite)))
		s, r := pair(t, crypto(suite, 2))
		type sent struct {
			n    int
			wire []byte
		}
		var flight []sent
		opened := map[int]int{}
		const total = 70000
		deliver := func() {
			i := rnd.IntN(len(flight))
			p := flight[i]
			flight = append(flight[:i], flight[i+1:]...)
			if rnd.IntN(20) == 0 {
				return
			}
			if _, err := r.Unprotect(bytes.Clone(p.wire)); err == nil {
				opened[p.n]++
			} else {
				require.ErrorIs(t, err, ErrReplay)
			}
			if rnd.IntN(10) == 0 {
				_, err := r.Unprotect(bytes.Clone(p.wire))
				require.ErrorIs(t, err, ErrReplay)
			}
		}
		for n := range total {
			wire, err := s.Protect(packet(uint16(n+1000), 9, 8))
			require.NoError(t, err)
			flight = append(flight, sent{n, wire})
			if len(flight) > 12 {
				deliver()
			}
		}
		for len(flight) > 0 {
			deliver()
		}
		require.Greater(t, len(opened), total*92/100)
		for n, times := range opened {
			require.Equal(t, 1, times, n)
		}
		require.Len(t, r.sources, 1)
	})
}

func TestForgeriesCostNothing(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		s, r := pair(t, crypto(suite, 3))
		wire, err := s.Protect(packet(1, 1, 20))
		require.NoError(t, err)
		control, err := s.ProtectRTCP(report(t, 1, 1))
		require.NoError(t, err)
		for i := range 1000 {
			forged := bytes.Clone(wire)
			binary.BigEndian.PutUint32(forged[8:], uint32(i+2))
			_, err := r.Unprotect(forged)
			require.ErrorIs(t, err, ErrAuth)
			forged = bytes.Clone(control)
			binary.BigEndian.PutUint32(forged[4:], uint32(i+2))
			_, err = r.UnprotectRTCP(forged)
			require.ErrorIs(t, err, ErrAuth)
		}
		require.Empty(t, r.sources)
		for i := range len(wire) * 8 { // no bit of the packet is unprotected
			forged := bytes.Clone(wire)
			forged[i/8] ^= 1 << (i % 8)
			_, err := r.Unprotect(forged)
			require.Error(t, err)
		}
		for i := range len(control) * 8 {
			forged := bytes.Clone(control)
			forged[i/8] ^= 1 << (i % 8)
			_, err := r.UnprotectRTCP(forged)
			require.Error(t, err)
		}
		for n := range len(wire) {
			_, err := r.Unprotect(bytes.Clone(wire[:n]))
			require.Error(t, err)
		}
		for n := range len(control) {
			_, err := r.UnprotectRTCP(bytes.Clone(control[:n]))
			require.Error(t, err)
		}
		_, err = r.Unprotect(wire)
		require.NoError(t, err)
		_, err = r.UnprotectRTCP(control)
		require.NoError(t, err)
	})
}

func TestWindow(t *testing.T) {
	var w window
	w.use(1000)
	require.True(t, w.fresh(1000-windowSize+1))
	require.False(t, w.fresh(1000-windowSize))
	require.False(t, w.fresh(1000))
	w.use(1000 - 70)
	w.use(1001)
	require.False(t, w.fresh(930))
	require.True(t, w.fresh(929))
	w.use(1001 + 65)
	require.False(t, w.fresh(1001))
	require.False(t, w.fresh(1000))
	require.True(t, w.fresh(1002))
	w.use(5000)
	require.True(t, w.fresh(4999))
	require.False(t, w.fresh(1066))
}

func TestEstimate(t *testing.T) {
	for _, v := range []struct {
		top  uint64
		seq  uint16
		want uint64
		ok   bool
	}{
		{65535, 0, 65536, true},
		{65536, 65535, 65535, true},
		{65536 + 5, 65530, 65530, true},
		{5, 65530, 0, false}, // before the first roll-over
		{1<<16 | 0x8000, 0x7fff, 1<<16 | 0x7fff, true},
		{maxIndex, 0, 0, false},
		{maxIndex - 1, 0xffff, maxIndex, true},
	} {
		w := window{top: v.top, started: true}
		got, ok := w.estimate(v.seq)
		require.Equal(t, v.ok, ok, "%+v", v)
		if ok {
			require.Equal(t, v.want, got, "%+v", v)
		}
	}
}

// A peer that counts through SSRCs loses the oldest, and no more than that.
func TestReceivedSourcesAreBounded(t *testing.T) {
	c := crypto(sdp.AEADAES128GCM, 4)
	r, err := NewReceiver(c)
	require.NoError(t, err)
	for i := range 100 {
		s, err := NewSender(c)
		require.NoError(t, err)
		wire, err := s.Protect(packet(1, uint32(i), 5))
		require.NoError(t, err)
		_, err = r.Unprotect(wire)
		require.NoError(t, err)
	}
	require.Len(t, r.sources, MaxReceived)
	require.EqualValues(t, 100-MaxReceived, r.Evicted())
	require.Nil(t, r.find(0))
	require.NotNil(t, r.find(99))
}

// No index is ever used twice under one key: not by a duplicate, not by an SSRC that comes back.
func TestSenderNeverRepeatsAnIndex(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		s, err := NewSender(crypto(suite, 5))
		require.NoError(t, err)
		_, err = s.Protect(packet(7, 1, 20))
		require.NoError(t, err)
		_, err = s.Protect(packet(7, 1, 30))
		require.ErrorIs(t, err, ErrReplay)
		for i := range MaxSent - 1 {
			_, err = s.Protect(packet(7, uint32(i+2), 20))
			require.NoError(t, err)
		}
		_, err = s.Protect(packet(7, 1000, 20))
		require.ErrorIs(t, err, ErrSources)
		s.first.sent = window{top: maxIndex, started: true}
		_, err = s.Protect(packet(0, 1, 20))
		require.ErrorIs(t, err, ErrExhausted)
		s.rtcpIndex = maxRTCPIndex
		_, err = s.ProtectRTCP(report(t, 1, 1))
		require.ErrorIs(t, err, ErrExhausted)
	})
}

func TestRoom(t *testing.T) {
	s, err := NewSender(crypto(sdp.AESCM128SHA180, 6))
	require.NoError(t, err)
	_, err = s.Protect(bytes.Clone(packet(1, 1, 20))[:32:32])
	require.ErrorIs(t, err, ErrRoom)
	_, err = s.ProtectRTCP(make([]byte, 28))
	require.ErrorIs(t, err, ErrRoom)
}

func TestWipe(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		c := crypto(suite, 7)
		s, r := pair(t, c)
		tr := s.t
		s.Wipe()
		r.Wipe()
		s.Wipe()
		_, err := s.Protect(packet(1, 1, 1))
		require.ErrorIs(t, err, ErrWiped)
		_, err = s.ProtectRTCP(report(t, 1, 1))
		require.ErrorIs(t, err, ErrWiped)
		_, err = r.Unprotect(packet(1, 1, 40))
		require.ErrorIs(t, err, ErrWiped)
		_, err = r.UnprotectRTCP(packet(1, 1, 40))
		require.ErrorIs(t, err, ErrWiped)
		switch tr := tr.(type) {
		case *cm:
			for _, k := range []*cmKeys{&tr.rtp, &tr.rtcp} {
				require.Zero(t, k.salt)
				require.Zero(t, k.mac)
				require.Zero(t, k.ctr)
			}
		case *gcm:
			require.Zero(t, tr.rtpSalt)
			require.Nil(t, tr.rtp)
		}
	})
}

func TestBadKeysAreNotShown(t *testing.T) {
	key := bytes.Repeat([]byte("secret"), 5)
	for _, c := range []sdp.Crypto{{Suite: sdp.NoSuite, Key: key}, {Suite: sdp.AES256CMSHA180, Key: key}, {Suite: sdp.AESCM128SHA180, Key: key, MKI: make([]byte, 129)}} {
		_, err := NewSender(c)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), fmt.Sprintf("%v", []byte("secret"))[1:10])
		_, err = NewReceiver(c)
		require.Error(t, err)
	}
}

func TestNoAllocations(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		s, r := pair(t, crypto(suite, 8))
		b, seq := packet(0, 1, 160), uint16(0)
		n := testing.AllocsPerRun(500, func() {
			seq++
			rtp.SetLine(b, seq, 0, 1)
			wire, err := s.Protect(b)
			if err == nil {
				_, err = r.Unprotect(wire)
			}
			if err != nil {
				t.Error(err)
			}
		})
		require.Zero(t, n)
		c := report(t, 1, 1)
		n = testing.AllocsPerRun(500, func() {
			wire, err := s.ProtectRTCP(c)
			if err == nil {
				_, err = r.UnprotectRTCP(wire)
			}
			if err != nil {
				t.Error(err)
			}
		})
		require.Zero(t, n)
	})
}

func BenchmarkProtect(b *testing.B) {
	for _, suite := range suites {
		b.Run(profileOf(suite).String(), func(b *testing.B) {
			s, _ := pair(b, crypto(suite, 8))
			p := packet(0, 1, 160)
			for i := 0; b.Loop(); i++ {
				rtp.SetLine(p, uint16(i), 0, 1)
				if _, err := s.Protect(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzUnprotect: no input panics, and only what was protected is opened.
func FuzzUnprotect(f *testing.F) {
	for _, suite := range suites {
		s, _ := pair(f, crypto(suite, 9))
		wire, err := s.Protect(packet(3, 4, 10))
		require.NoError(f, err)
		f.Add(uint8(suite), wire)
		wire, err = s.ProtectRTCP(report(f, 4, 1))
		require.NoError(f, err)
		f.Add(uint8(suite), wire)
	}
	f.Fuzz(func(t *testing.T, suite uint8, b []byte) {
		c := crypto(suites[int(suite)%len(suites)], 9)
		_, r := pair(t, c)
		_, _ = r.Unprotect(bytes.Clone(b))
		_, _ = r.UnprotectRTCP(bytes.Clone(b))
		s, r2 := pair(t, c)
		if plain := room(b); rtpOK(plain) {
			wire, err := s.Protect(plain)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r2.Unprotect(wire)
			if err != nil || !bytes.Equal(got, b) {
				t.Fatalf("%x became %x: %v", b, got, err)
			}
		}
	})
}

func rtpOK(b []byte) bool {
	_, err := rtp.Parse(b)
	return err == nil
}
