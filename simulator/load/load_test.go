//go:build linux

package load

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"b2bua/media/sdp"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// direct makes the generator call itself: the callee's address takes the place of the B2BUA. Each call needs sockets of its own then.
func direct(network string, last byte) Config {
	uas := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 77, last}), 5070)
	return Config{
		DUT: uas, UAS: uas, UAC: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 78, last}), 5069), Network: network,
		Calls: 20, Sockets: 20, Timeout: 5 * time.Second, DUTCPU: -1, PID: []int{os.Getpid()},
	}
}

func TestCallsWithoutMedia(t *testing.T) {
	for i, network := range []string{"udp", "tcp"} {
		cfg := direct(network, byte(1+i))
		cfg.Calls, cfg.Ring, cfg.Header = 200, true, []string{"X-Test: 1"}
		r, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		assert.True(t, r.OK(), "%+v", r)
		assert.Equal(t, 200, r.Completed)
		assert.Equal(t, 200, r.Answered)
		assert.Empty(t, r.Failures)
		assert.Positive(t, r.PerSecond)
		assert.Positive(t, r.SetupP50)
		assert.GreaterOrEqual(t, r.SetupP99, r.SetupP50)
		assert.Positive(t, r.Memory)
	}
}

func TestCallsAtARateWithHold(t *testing.T) {
	cfg := direct("udp", 3)
	cfg.Rate, cfg.Hold = 400, 50*time.Millisecond
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.True(t, r.OK())
	assert.GreaterOrEqual(t, r.Seconds, 0.09, "19 intervals of 2.5 ms and one hold")
}

func TestMediaArrivesUnaltered(t *testing.T) {
	for i, encryption := range []string{"none", "sdes", "zrtp"} {
		for j, suite := range []string{"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"} {
			cfg := direct("udp", byte(10+2*i+j))
			cfg.Media, cfg.A, cfg.B, cfg.SuiteA, cfg.SuiteB = true, encryption, encryption, suite, suite
			cfg.Warm, cfg.Duration, cfg.Sample = 100*time.Millisecond, 300*time.Millisecond, 1
			r, err := Run(t.Context(), cfg)
			require.NoError(t, err)
			m := r.Media
			require.NotNil(t, m)
			assert.EqualValues(t, 20*2*15, m.Sent)
			assert.Equal(t, m.Sent, m.Received)
			assert.EqualValues(t, 20*2*20, m.Verified, "warm-up too")
			assert.Zero(t, m.NotDecrypted+m.Altered+m.Unknown)
			assert.Zero(t, m.LossPercent)
			assert.Positive(t, m.AddedP50)
			assert.True(t, r.OK(), "%+v %+v", r, m)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	cfg := direct("udp", 20)
	cfg.DUT = netip.MustParseAddrPort("127.0.77.99:9")
	cfg.Calls, cfg.Timeout = 3, 700*time.Millisecond
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.False(t, r.OK())
	assert.Equal(t, 3, r.Failed)
	assert.Equal(t, map[string]int{"no answer in time": 3}, r.Failures)
	assert.Positive(t, r.Repeated)
	cfg.Network = "tcp"
	_, err = Run(t.Context(), cfg)
	assert.Error(t, err)
}

func TestEncryptionThatIsNotOfferedIsAFailure(t *testing.T) {
	cfg := direct("udp", 21)
	cfg.A, cfg.B, cfg.Calls = "none", "sdes", 2
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.Equal(t, 2, r.Failures["488 Not Acceptable Here"])
	assert.Equal(t, 2, r.Failures["offer to the callee: no a=crypto line with AES_CM_128_HMAC_SHA1_80"])
}

func TestEndOfContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	_, err := Run(ctx, direct("udp", 22))
	require.ErrorIs(t, err, enough)
}

func TestOnlyLoopbackAndSense(t *testing.T) {
	ok := direct("udp", 23)
	for what, change := range map[string]func(*Config){
		"foreign":    func(c *Config) { c.DUT = netip.MustParseAddrPort("192.0.2.1:5060") },
		"six":        func(c *Config) { c.UAC = netip.MustParseAddrPort("[::1]:5060") },
		"network":    func(c *Config) { c.Network = "tls" },
		"calls":      func(c *Config) { c.Calls = 0 },
		"encryption": func(c *Config) { c.A = "dtls" },
		"ZRTP":       func(c *Config) { c.B = "zrtp" },
		"agreement":  func(c *Config) { c.Agreement = "Mult" },
		"suite":      func(c *Config) { c.SuiteB = "ROT13" },
		"memory":     func(c *Config) { c.Media, c.Calls, c.Duration = true, 100_000, time.Hour },
	} {
		cfg := ok
		change(&cfg)
		_, err := Run(t.Context(), cfg)
		assert.Error(t, err, what)
	}
}

const invite = "INVITE sip:load1x3@x SIP/2.0\r\nv: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP b\r\nf: <sip:a@x>;tag=1\r\nt: <sip:b@x>\r\n" +
	"i: abc\r\nCSeq: 1 INVITE\r\nm: \"x\" <sip:c@y;transport=tcp>;expires=3\r\nRecord-Route: <sip:p;lr>\r\nl: 4\r\n\r\nbody"

func TestMessageParsing(t *testing.T) {
	var m message
	require.True(t, m.parse([]byte(invite)))
	assert.Zero(t, m.status)
	assert.True(t, m.is("INVITE"))
	assert.Len(t, m.via, 2)
	assert.Equal(t, "abc", string(m.callID))
	assert.Equal(t, "sip:c@y;transport=tcp", string(uriIn(m.contact)))
	assert.Equal(t, "body", string(m.body))
	require.True(t, m.parse([]byte("SIP/2.0 486 Busy Here\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n")))
	assert.Equal(t, 486, m.status)
	assert.Empty(t, m.via)
	assert.False(t, m.parse([]byte("hello\r\n\r\n")))
	assert.False(t, m.parse([]byte("\r\n")))
}

func TestFraming(t *testing.T) {
	b := []byte("\r\n\r\n" + invite + invite)
	skip, n := frameOf(b)
	assert.Equal(t, 4, skip)
	assert.Equal(t, len(invite), n)
	for i := range len(invite) {
		_, n := frameOf(b[4 : 4+i])
		assert.Zero(t, n)
	}
}

func TestDescription(t *testing.T) {
	var d description
	plain := "v=0\r\nc=IN IP4 127.0.0.9\r\nm=audio 4000 RTP/AVP 0 101\r\nm=video 5000 RTP/AVP 96\r\nc=IN IP4 127.0.0.10\r\n"
	require.NoError(t, d.read([]byte(plain), sdp.NoSuite, inline))
	assert.Equal(t, "127.0.0.9:4000", d.addr.String())
	assert.Error(t, d.read([]byte(plain), sdp.AESCM128SHA180, inline), "no key")
	assert.ErrorIs(t, d.read([]byte("v=0\n"), sdp.NoSuite, inline), errNoAudio)
	assert.Error(t, d.read([]byte("c=IN IP4 127.0.0.9\r\nm=audio 4000 RTP/SAVP 0\r\n"), sdp.NoSuite, inline))
	assert.Error(t, d.read([]byte(plain), sdp.NoSuite, byZRTP), "no hash")
	require.NoError(t, d.read([]byte("c=IN IP4 127.0.0.9\r\nm=audio 4000 RTP/AVP 0\r\na=zrtp-hash:1.10 00\r\n"), sdp.NoSuite, byZRTP))
	assert.Equal(t, "1.10 00", string(d.hello))
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte("SIP/2.0 200 OK\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 99999999999\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m message
		if m.parse(b) {
			uriIn(m.contact)
			var d description
			_ = d.read(m.body, sdp.AESCM128SHA180, inline)
		}
		if skip, n := frameOf(b); n < 0 || skip+n > len(b) {
			t.Fatalf("frame of %d at %d in %d octets", n, skip, len(b))
		}
	})
}

func TestBurstIsChecked(t *testing.T) {
	for what, change := range map[string]func(*Config){
		"without media": func(c *Config) { c.Media = false },
		"negative":      func(c *Config) { c.Burst = -1 },
		"with DTLS":     func(c *Config) { c.A = "dtls" },
		"with ZRTP":     func(c *Config) { c.B = "zrtp" },
		"by nothing":    func(c *Config) { c.BurstBy = "sdes" },
	} {
		cfg := Config{DUT: netip.MustParseAddrPort("127.0.0.1:5060"), Calls: 1, Media: true, Burst: 10}
		require.NoError(t, cfg.defaults())
		change(&cfg)
		assert.Error(t, cfg.check(), what)
	}
}

func TestBurstDecides(t *testing.T) {
	r := Result{Calls: 1, Completed: 3, Media: &MediaResult{Sent: 100_000, Received: 100_000, Verified: 1}}
	assert.True(t, r.OK())
	r.Burst = &BurstResult{Handshakes: 2, Complete: 2, Seconds: 9.9}
	assert.True(t, r.OK())
	r.Media.Received--
	assert.False(t, r.OK(), "one packet")
	r.Media.Received++
	for _, bad := range []BurstResult{{"dtls", 2, 1, 3, nil}, {"dtls", 2, 2, 0, nil}, {"zrtp", 2, 2, 10.1, nil}} {
		r.Burst = &bad
		assert.False(t, r.OK(), "%+v", bad)
	}
}
