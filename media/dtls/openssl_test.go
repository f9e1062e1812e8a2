package dtls

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

// openssl as the peer (package openssl of Debian).

// socket carries an association's datagrams over UDP.
type socket struct {
	conn  *net.UDPConn
	assoc *Association
	done  chan struct{}
}

func newSocket(t *testing.T) *socket {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	s := &socket{conn: c, done: make(chan struct{})}
	t.Cleanup(func() { _ = c.Close(); <-s.done })
	return s
}

func (s *socket) addr() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (s *socket) run(t *testing.T, h *Handshaker, p Params) chan Result {
	results := make(chan Result, 8)
	p.Send = func(b []byte, to netip.AddrPort) { _, _ = s.conn.WriteToUDPAddrPort(b, to) }
	p.Done = func(r Result) { results <- r }
	var err error
	s.assoc, err = h.Start(p)
	require.NoError(t, err)
	t.Cleanup(s.assoc.Close)
	go func() {
		defer close(s.done)
		b := make([]byte, 4096)
		for {
			n, from, err := s.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			s.assoc.Receive(b[:n], from)
		}
	}()
	return results
}

// openssl runs one, whose output is read until its end; the lines come out of the channel.
func openssl(t *testing.T, args ...string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "openssl", args...)
	in, err := cmd.StdinPipe() // an end of input would end it
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start(), "the package openssl is needed")
	lines := make(chan string, 4096)
	go func() {
		defer close(lines)
		for r := bufio.NewScanner(out); r.Scan(); {
			lines <- r.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = in.Close()
		for range lines { // to its end
		}
		_ = cmd.Wait()
	})
	return lines
}

// expect waits for a line and gives its match.
func expect(t *testing.T, lines <-chan string, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(20 * time.Second)
	var seen []string
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				require.FailNow(t, "openssl has ended", "%s not in\n%s", pattern, strings.Join(seen, "\n"))
			}
			seen = append(seen, l)
			if m := re.FindStringSubmatch(l); m != nil {
				return m[len(m)-1]
			}
		case <-deadline:
			require.FailNow(t, "openssl is silent", "%s not in\n%s", pattern, strings.Join(seen, "\n"))
		}
	}
}

// peerFile is certificate and key of the peer.
func peerFile(t *testing.T, kind string) (string, sdp.Fingerprint) {
	t.Helper()
	dir := t.TempDir()
	if kind == "ec" {
		c, warning, err := LoadCertificate(dir, time.Now())
		require.NoError(t, err)
		require.NoError(t, warning)
		return filepath.Join(dir, fileName), c.Fingerprint()
	}
	key, cert := filepath.Join(dir, "key"), filepath.Join(dir, "cert")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=peer", "-days", "2", "-keyout", key, "-out", cert).CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command("openssl", "x509", "-in", cert, "-outform", "DER").Output()
	require.NoError(t, err)
	a, err := os.ReadFile(key)
	require.NoError(t, err)
	b, err := os.ReadFile(cert)
	require.NoError(t, err)
	both := filepath.Join(dir, "both")
	require.NoError(t, os.WriteFile(both, append(a, b...), 0o600))
	return both, sdp.FingerprintOf(out)
}

// material is what openssl exported, as the keys of client and server.
func material(t *testing.T, text string, suite sdp.Suite) (client, server []byte) {
	t.Helper()
	m, err := hex.DecodeString(text)
	require.NoError(t, err)
	for _, p := range profiles {
		if p.suite == suite {
			require.Len(t, m, 2*(p.key+p.salt))
			return join(m[:p.key], m[2*p.key:2*p.key+p.salt]), join(m[p.key:2*p.key], m[2*p.key+p.salt:])
		}
	}
	require.FailNow(t, "no such suite")
	return nil, nil
}

var opensslCases = []struct {
	offered, cert string
	suite         sdp.Suite // sdp.NoSuite: refused
	length        int
}{
	{"SRTP_AES128_CM_SHA1_32:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", "ec", sdp.AEADAES128GCM, 56},
	{"SRTP_AES128_CM_SHA1_32:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80", "ec", sdp.AESCM128SHA180, 60},
	{"SRTP_AES128_CM_SHA1_32:SRTP_AEAD_AES_256_GCM", "ec", sdp.AEADAES256GCM, 88},
	{"SRTP_AES128_CM_SHA1_32", "ec", sdp.AESCM128SHA132, 60},
	{"SRTP_AES128_CM_SHA1_80", "rsa", sdp.AESCM128SHA180, 60},
	{"", "ec", sdp.NoSuite, 60},
}

func exportArgs(offered string, length int) []string {
	args := []string{"-keymatexport", label, "-keymatexportlen", fmt.Sprint(length)}
	if offered != "" {
		args = append(args, "-use_srtp", offered)
	}
	return args
}

// We are the server: our order decides.
func TestOpenSSLClient(t *testing.T) {
	for _, tc := range opensslCases {
		t.Run(tc.offered+" "+tc.cert, func(t *testing.T) {
			file, shown := peerFile(t, tc.cert)
			h, s := handshaker(t, Config{}), newSocket(t)
			results := s.run(t, h, Params{DTLS: sdp.DTLSParams{Fingerprint: shown}})
			lines := openssl(t, append([]string{
				"s_client", "-dtls1_2", "-connect", s.addr().String(), "-cert", file, "-key", file,
			}, exportArgs(tc.offered, tc.length)...)...)
			if tc.suite == sdp.NoSuite {
				require.Eventually(t, func() bool { s.assoc.mu.Lock(); defer s.assoc.mu.Unlock(); return s.assoc.failure != nil }, 20*time.Second, time.Millisecond)
				require.ErrorIs(t, s.assoc.failure, ErrNoProfile)
				return
			}
			r := result(t, results)
			require.NoError(t, r.Err)
			require.Equal(t, tc.suite, r.Send.Suite)
			client, server := material(t, expect(t, lines, `Keying material: ([0-9A-F]+)`), tc.suite)
			require.Equal(t, client, []byte(r.Recv.Key))
			require.Equal(t, server, []byte(r.Send.Key))
		})
	}
}

// We are the client: openssl takes the first of our list that it has.
func TestOpenSSLServer(t *testing.T) {
	for _, tc := range opensslCases {
		t.Run(tc.offered+" "+tc.cert, func(t *testing.T) {
			file, shown := peerFile(t, tc.cert)
			h, s, port := handshaker(t, Config{}), newSocket(t), freePort(t)
			lines := openssl(t, append([]string{
				"s_server", "-dtls1_2", "-accept", port.String(), "-cert", file, "-key", file, "-Verify", "1",
			}, exportArgs(tc.offered, tc.length)...)...)
			expect(t, lines, "ACCEPT")
			results := s.run(t, h, Params{DTLS: sdp.DTLSParams{Active: true, Fingerprint: shown}, Remote: port})
			r := result(t, results)
			if tc.suite == sdp.NoSuite {
				require.ErrorIs(t, r.Err, ErrNoProfile)
				return
			}
			require.NoError(t, r.Err)
			profile := expect(t, lines, `SRTP Extension negotiated, profile=(\S+)`)
			require.Equal(t, profile, map[sdp.Suite]string{
				sdp.AEADAES128GCM: "SRTP_AEAD_AES_128_GCM", sdp.AEADAES256GCM: "SRTP_AEAD_AES_256_GCM",
				sdp.AESCM128SHA180: "SRTP_AES128_CM_SHA1_80", sdp.AESCM128SHA132: "SRTP_AES128_CM_SHA1_32",
			}[r.Send.Suite])
			if r.Send.Suite != tc.suite {
				return // its length of the export is for another
			}
			client, server := material(t, expect(t, lines, `Keying material: ([0-9A-F]+)`), tc.suite)
			require.Equal(t, client, []byte(r.Send.Key))
			require.Equal(t, server, []byte(r.Recv.Key))
		})
	}
}

func TestOpenSSLWithoutCertificate(t *testing.T) {
	h, s := handshaker(t, Config{Timeout: time.Second}), newSocket(t)
	results := s.run(t, h, Params{DTLS: sdp.DTLSParams{Fingerprint: sdp.FingerprintOf(nil)}})
	lines := openssl(t, "s_client", "-dtls1_2", "-connect", s.addr().String(), "-use_srtp", "SRTP_AES128_CM_SHA1_80")
	r := result(t, results)
	require.ErrorIs(t, r.Err, ErrTimeout) // it may have been a stranger: its fault is the reason why nobody came
	require.ErrorIs(t, r.Err, ErrNoCertificate)
	expect(t, lines, `alert bad certificate`)
}

func TestOpenSSLOtherCertificate(t *testing.T) {
	file, _ := peerFile(t, "ec")
	h, s, port := handshaker(t, Config{}), newSocket(t), freePort(t)
	lines := openssl(t, "s_server", "-dtls1_2", "-accept", port.String(), "-cert", file, "-key", file, "-use_srtp", "SRTP_AES128_CM_SHA1_80")
	expect(t, lines, "ACCEPT")
	r := result(t, s.run(t, h, Params{DTLS: sdp.DTLSParams{Active: true, Fingerprint: h.Fingerprint()}, Remote: port}))
	require.ErrorIs(t, r.Err, ErrFingerprint)
	require.Empty(t, r.Send.Key)
}

func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}
