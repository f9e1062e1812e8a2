package plane

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/media/sdp"
)

func TestMain(m *testing.M) { runGenerator(); goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// drivers runs a test with each driver that this system has.
func drivers(t *testing.T, f func(t *testing.T, cfg Config)) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprintf("portable=%t", portable), func(t *testing.T) { f(t, Config{portable: portable}) })
	}
}

func newPlane(t testing.TB, cfg Config) *Plane {
	p, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// phone is one end of a leg.
type phone struct {
	t          testing.TB
	rtp, rtcp  *net.UDPConn
	send, recv *srtp.Context
	agreed     sdp.Agreed
	ports      sdp.Ports
	seq        uint16
	ssrc       uint32
}

// newPhone makes the phone and what was agreed with it, from the plane's point of view. NoSuite: plain RTP.
func newPhone(t testing.TB, suite sdp.Suite, codecs ...sdp.Codec) *phone {
	p := &phone{t: t, seq: 100, ssrc: 0x1000}
	p.rtp, p.rtcp = listen(t, loopback), listen(t, loopback)
	p.agreed = sdp.Agreed{Enabled: true, Codecs: codecs, Remote: local(p.rtp), RemoteRTCP: local(p.rtcp)}
	if suite != sdp.NoSuite {
		profile, n := pionProfile(suite)
		ours, theirs := testKey(1, n[0]+n[1]), testKey(2, n[0]+n[1])
		p.agreed.Encryption = sdp.SDES
		p.agreed.SendKey = sdp.Crypto{Suite: suite, Key: ours}
		p.agreed.RecvKey = sdp.Crypto{Suite: suite, Key: theirs}
		var err error
		p.send, err = srtp.CreateContext(theirs[:n[0]], theirs[n[0]:], profile)
		require.NoError(t, err)
		p.recv, err = srtp.CreateContext(ours[:n[0]], ours[n[0]:], profile)
		require.NoError(t, err)
	}
	return p
}

func pionProfile(s sdp.Suite) (srtp.ProtectionProfile, [2]int) {
	if s == sdp.AEADAES128GCM {
		return srtp.ProtectionProfileAeadAes128Gcm, [2]int{16, 12}
	}
	return srtp.ProtectionProfileAes128CmHmacSha1_80, [2]int{16, 14}
}

func testKey(seed byte, n int) []byte { return bytes.Repeat([]byte{seed, 0x5a, seed ^ 0xff}, n)[:n] }

func listen(t testing.TB, at netip.Addr) *net.UDPConn {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func local(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// packet is the phone's next packet as it goes on the wire.
func (p *phone) packet(pt uint8, payload string) []byte {
	p.seq++
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: p.seq, Timestamp: uint32(p.seq) * 160, SSRC: p.ssrc}, Payload: []byte(payload)}).Marshal()
	require.NoError(p.t, err)
	if p.send != nil {
		b, err = p.send.EncryptRTP(nil, b, nil)
		require.NoError(p.t, err)
	}
	return b
}

func (p *phone) say(pt uint8, payload string) {
	_, err := p.rtp.WriteToUDPAddrPort(p.packet(pt, payload), netip.AddrPortFrom(p.ports.Addr, p.ports.RTP))
	require.NoError(p.t, err)
}

// hear waits for one packet.
func (p *phone) hear() *rtp.Packet {
	p.t.Helper()
	out, err := p.next()
	require.NoError(p.t, err)
	return out
}

func (p *phone) next() (*rtp.Packet, error) {
	buf := make([]byte, 2048)
	if err := p.rtp.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	n, _, err := p.rtp.ReadFromUDPAddrPort(buf)
	b := buf[:n]
	if err == nil && p.recv != nil {
		b, err = p.recv.DecryptRTP(nil, b, nil)
	}
	if err != nil {
		return nil, err
	}
	out := new(rtp.Packet)
	return out, out.Unmarshal(b)
}

// listenFor hears everything up to a payload, beside the test: nothing waits in the socket, which could run over. The returned function
// waits for it.
func (p *phone) listenFor(payload string) (heard func()) {
	done := make(chan error, 1)
	go func() {
		for {
			out, err := p.next()
			if err != nil || string(out.Payload) == payload {
				done <- err
				return
			}
		}
	}()
	return func() {
		p.t.Helper()
		require.NoError(p.t, <-done)
	}
}

func (p *phone) report(pkts ...rtcp.Packet) {
	b, err := rtcp.Marshal(pkts)
	require.NoError(p.t, err)
	if p.send != nil {
		b, err = p.send.EncryptRTCP(nil, b, nil)
		require.NoError(p.t, err)
	}
	_, err = p.rtcp.WriteToUDPAddrPort(b, netip.AddrPortFrom(p.ports.Addr, p.ports.RTCP))
	require.NoError(p.t, err)
}

func (p *phone) readReport() []rtcp.Packet {
	p.t.Helper()
	buf := make([]byte, 2048)
	require.NoError(p.t, p.rtcp.SetReadDeadline(time.Now().Add(30*time.Second)))
	n, _, err := p.rtcp.ReadFromUDPAddrPort(buf)
	require.NoError(p.t, err)
	b := buf[:n]
	if p.recv != nil {
		b, err = p.recv.DecryptRTCP(nil, b, nil)
		require.NoError(p.t, err)
	}
	out, err := rtcp.Unmarshal(b)
	require.NoError(p.t, err)
	return out
}

var (
	pcma     = sdp.Codec{PT: 8, Name: "PCMA", Rate: 8000}
	events8k = sdp.Codec{PT: 101, Name: "telephone-event", Rate: 8000}
	tone     = sdp.Codec{PT: 97, Name: "Telephone-Event", Rate: 8000, Channels: 1}
)

// call opens a stream between two phones.
func call(t testing.TB, p *Plane, a, b *phone) *Stream {
	st, err := p.Open("test", sdp.Audio, loopback, loopback)
	require.NoError(t, err)
	t.Cleanup(st.Close)
	a.ports, b.ports = st.Ports(A), st.Ports(B)
	require.NoError(t, st.Set(A, a.agreed))
	require.NoError(t, st.Set(B, b.agreed))
	return st
}

func TestBridge(t *testing.T) {
	modes := []struct {
		name string
		a, b sdp.Suite
	}{
		{"none-none", sdp.NoSuite, sdp.NoSuite},
		{"none-sdes", sdp.NoSuite, sdp.AESCM128SHA180},
		{"sdes-none", sdp.AESCM128SHA180, sdp.NoSuite},
		{"sdes-gcm", sdp.AESCM128SHA180, sdp.AEADAES128GCM},
	}
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg)
		for _, m := range modes {
			t.Run(m.name, func(t *testing.T) {
				a, b := newPhone(t, m.a, pcma, events8k), newPhone(t, m.b, pcma, tone)
				b.ssrc = 0x2000
				st := call(t, p, a, b)
				for i := range 20 {
					a.say(8, fmt.Sprint("to B ", i))
					require.Equal(t, fmt.Sprint("to B ", i), string(b.hear().Payload))
					b.say(97, fmt.Sprint("to A ", i))
					got := a.hear()
					require.Equal(t, fmt.Sprint("to A ", i), string(got.Payload))
					require.EqualValues(t, 101, got.PayloadType)
					require.EqualValues(t, 0x2000, got.SSRC)
				}
				a.report(&rtcp.SenderReport{SSRC: 0x1000, Reports: []rtcp.ReceptionReport{{SSRC: 0x2000, LastSequenceNumber: 110}}},
					&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 0x1000, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "a@example"}}}}})
				got := b.readReport()
				require.EqualValues(t, 0x1000, got[0].(*rtcp.SenderReport).SSRC)
				require.EqualValues(t, 110, got[0].(*rtcp.SenderReport).Reports[0].LastSequenceNumber)
				s := st.Stats(A)
				require.EqualValues(t, 20, s.Packets)
				require.EqualValues(t, 20, s.Sent)
				require.EqualValues(t, 1, s.RTCP)
				require.EqualValues(t, 0, s.Lost)
				require.Equal(t, local(a.rtp), s.Remote)
				require.EqualValues(t, 1, st.Stats(B).SentRTCP)
			})
		}
	})
}

// fds is the number of open file descriptors.
func fds(t testing.TB) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	d, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(d)
}
