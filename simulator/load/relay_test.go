//go:build linux

package load

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"b2bua/simulator/ng"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mirror is a relay that is none: it hands each end's description to the other, so packets go straight.
type mirror struct {
	at       netip.AddrPort
	refuse   string // this command
	edit     *strings.Replacer
	mu       sync.Mutex
	commands []ng.Dict
}

func newMirror(t *testing.T, refuse string, edit ...string) *mirror {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	require.NoError(t, err)
	m := &mirror{refuse: refuse, edit: strings.NewReplacer(edit...), at: c.LocalAddr().(*net.UDPAddr).AddrPort()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b [65536]byte
		for {
			n, from, err := c.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			cookie, body, _ := strings.Cut(string(b[:n]), " ")
			d, err := ng.Unmarshal([]byte(body))
			if !assert.NoError(t, err) {
				return
			}
			answer, err := ng.Marshal(m.answer(d))
			assert.NoError(t, err)
			_, err = c.WriteToUDPAddrPort(append([]byte(cookie+" "), answer...), from)
			assert.NoError(t, err)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return m
}

func (m *mirror) answer(d ng.Dict) ng.Dict {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commands = append(m.commands, d)
	if d["command"] == m.refuse {
		return ng.Dict{"result": "error", "error-reason": "as told"}
	}
	if text, ok := d["sdp"].(string); ok {
		return ng.Dict{"result": "ok", "sdp": m.edit.Replace(text)}
	}
	return ng.Dict{"result": "ok"}
}

// sent are the commands so far.
func (m *mirror) sent() []ng.Dict {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commands
}

func (m *mirror) config(last byte) Config {
	cfg := direct("udp", last)
	cfg.DUT, cfg.NG = netip.AddrPort{}, m.at
	cfg.Media, cfg.Warm, cfg.Duration, cfg.Sample = true, 100*time.Millisecond, 300*time.Millisecond, 1
	return cfg
}

func TestMediaThroughARelay(t *testing.T) {
	m := newMirror(t, "")
	r, err := Run(t.Context(), m.config(40))
	require.NoError(t, err)
	assert.True(t, r.OK(), "%+v", r)
	assert.Equal(t, "ng", r.Network)
	assert.Equal(t, 20, r.Answered)
	assert.Equal(t, 20, r.Completed)
	assert.Positive(t, r.SetupP50)
	assert.EqualValues(t, 20*2*15, r.Media.Received)
	assert.EqualValues(t, 20*2*20, r.Media.Verified)
	assert.Positive(t, r.Media.LateP99)
	commands := m.sent()
	require.Len(t, commands, 60)
	offer := commands[0]
	assert.Equal(t, "offer", offer["command"])
	assert.Equal(t, "RTP/AVP", offer["transport-protocol"])
	assert.Equal(t, "remove", offer["ICE"])
	assert.Equal(t, "answer", commands[1]["command"])
	assert.Equal(t, offer["call-id"], commands[1]["call-id"])
	assert.Equal(t, "delete", commands[59]["command"])
}

func TestSuiteWantedOfARelay(t *testing.T) {
	m := newMirror(t, "offer")
	cfg := m.config(41)
	cfg.B, cfg.SuiteB, cfg.Calls = "sdes", "AEAD_AES_128_GCM", 1
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.False(t, r.OK())
	assert.Equal(t, map[string]int{`ng: rtpengine refused "offer": as told`: 1}, r.Failures)
	assert.Equal(t, "RTP/SAVP", m.sent()[0]["transport-protocol"])
	assert.Equal(t, ng.Strings("only-AEAD_AES_128_GCM"), m.sent()[0]["SDES"])
}

// A relay that hands the keys on encrypts nothing: there would be nothing to compare.
func TestPassthroughIsRefused(t *testing.T) {
	m := newMirror(t, "")
	cfg := m.config(42)
	cfg.A, cfg.B = "sdes", "sdes"
	_, err := Run(t.Context(), cfg)
	require.ErrorIs(t, err, errPassthrough)
}

func TestACallThatIsRefusedLater(t *testing.T) {
	m := newMirror(t, "delete")
	r, err := Run(t.Context(), m.config(43))
	require.NoError(t, err)
	assert.False(t, r.OK())
	assert.Equal(t, 20, r.Failed)
	assert.Equal(t, map[string]int{`ng: rtpengine refused "delete": as told`: 20}, r.Failures)
}

func TestARelayHasNoCallsWithoutMedia(t *testing.T) {
	cfg := Config{NG: netip.MustParseAddrPort("127.0.0.1:2223"), Calls: 1}
	_, err := Run(t.Context(), cfg)
	require.ErrorContains(t, err, "without media")
	cfg.Media, cfg.NG = true, netip.MustParseAddrPort("192.0.2.1:2223")
	_, err = Run(t.Context(), cfg)
	require.ErrorContains(t, err, "loopback")
}

func TestNoRelayThere(t *testing.T) {
	cfg := direct("udp", 44)
	cfg.NG, cfg.Media, cfg.PID = netip.MustParseAddrPort("127.0.77.98:9"), true, []int{os.Getpid()}
	_, err := Run(t.Context(), cfg)
	require.ErrorContains(t, err, "no answer")
}

// protects makes both legs DTLS-SRTP.
func protects(cfg Config) Config {
	cfg.Media, cfg.A, cfg.B, cfg.Calls, cfg.Sockets = true, "dtls", "dtls", 5, 5
	cfg.Warm, cfg.Duration, cfg.Sample, cfg.Settle = 100*time.Millisecond, 100*time.Millisecond, 1, time.Millisecond
	return cfg
}

func TestMediaWithKeysOfHandshakes(t *testing.T) {
	apart := newMirror(t, "", "a=rtcp-mux\r\n", "") // RTCP has a handshake of its own then
	passive := newMirror(t, "", "a=setup:actpass", "a=setup:active", "a=setup:active", "a=setup:passive")
	for name, cfg := range map[string]Config{
		"SIP": direct("udp", 50), "NG": newMirror(t, "").config(51), "without rtcp-mux": apart.config(52), "the other end is active": passive.config(53),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), protects(cfg))
			require.NoError(t, err)
			assert.True(t, r.OK(), "%+v %+v", r, r.Media)
			assert.EqualValues(t, 5*2*10, r.Media.Verified)
			assert.Zero(t, r.Media.NotDecrypted)
		})
	}
	assert.Contains(t, apart.sent()[0]["sdp"], "a=setup:actpass")
	assert.Contains(t, apart.sent()[1]["sdp"], "a=setup:active")
	assert.Equal(t, "UDP/TLS/RTP/SAVP", apart.sent()[0]["transport-protocol"])
	assert.Contains(t, passive.sent()[1]["sdp"], "a=setup:passive")
}

func TestHandshakeWithAnotherCertificate(t *testing.T) {
	other := strings.TrimSuffix(strings.Repeat("00:", 32), ":")
	m := newMirror(t, "", "a=fingerprint:sha-256 ", "a=fingerprint:sha-256 "+other+"\r\na=was:")
	_, err := Run(t.Context(), protects(m.config(54)))
	require.ErrorContains(t, err, "no media with a part of the calls")
}

func TestEncryptionByHandshakeIsWanted(t *testing.T) {
	cfg := protects(direct("udp", 55))
	cfg.A = "none"
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.Equal(t, 5, r.Failures["offer to the callee: RTP/AVP where DTLS-SRTP was wanted"])
	m := newMirror(t, "", "a=fingerprint:sha-256", "a=fingerprint:md5")
	_, err = Run(t.Context(), protects(m.config(56)))
	require.ErrorContains(t, err, "md5")
}

func TestMediaThroughTheFloor(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.77.60:2223")
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- Floor(ctx, at) }()
	client, err := ng.Dial(at)
	require.NoError(t, err)
	defer client.Close()
	var refused *ng.RefusedError
	require.Eventually(t, func() bool {
		_, err := client.Do(t.Context(), "ping", nil)
		return errors.As(err, &refused)
	}, 30*time.Second, time.Millisecond, "it knows no ping, and listens once it says so")
	cfg := direct("udp", 60)
	cfg.DUT, cfg.NG, cfg.Media, cfg.Sockets = netip.AddrPort{}, at, true, 2
	cfg.Warm, cfg.Duration, cfg.Sample = 100*time.Millisecond, 300*time.Millisecond, 1
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	assert.True(t, r.OK(), "%+v %+v", r, r.Media)
	assert.EqualValues(t, 20*2*20, r.Media.Verified)
	cfg.B = "sdes"
	_, err = Run(t.Context(), cfg)
	require.ErrorContains(t, err, "no a=crypto line", "it encrypts nothing")
	cancel()
	require.NoError(t, <-over)
	require.ErrorContains(t, Floor(ctx, netip.MustParseAddrPort("192.0.2.1:1")), "loopback")
}
