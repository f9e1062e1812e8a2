package plane

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"b2bua/media/relay"
	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

// generatorEnv makes the test binary a traffic generator, so that the CPU time of the relaying process is its own.
const generatorEnv = "B2BUA_PLANE_GENERATOR"

// load is what the generator is told.
type load struct {
	A, B    []uint16 // ports of the plane
	Suite   sdp.Suite
	Seconds int
}

// sockets of the generator on each side; streams share them.
const generatorSockets = 16

// generated is what it found.
type generated struct{ Sent, Received int64 }

// generator has sockets without a waiting reader: they are swept once a millisecond, for waking a reader would be charged to
// the process that sends to it.
type generator struct {
	socks    [2][generatorSockets]*epollSocket
	ports    [2][generatorSockets]uint16
	in       intake
	out      outlet
	received int64
}

func (g *generator) open() error {
	for side := range g.socks {
		for i := range g.socks[side] {
			s, err := bindSocket(netip.AddrPortFrom(loopback, 0), 4<<20)
			if err != nil {
				return err
			}
			name, err := unix.Getsockname(s.fd)
			if err != nil {
				return err
			}
			g.socks[side][i], g.ports[side][i] = s, uint16(name.(*unix.SockaddrInet4).Port)
		}
	}
	return nil
}

func (g *generator) sweep() {
	for _, side := range g.socks {
		for _, s := range side {
			for g.in.receive(&slot{int32(s.fd), s}) == 0 {
				g.received += int64(len(g.in.taken()))
			}
		}
	}
}

// generate sends 50 packets a second each way on every stream, evenly spread, and counts what comes back.
func generate() error {
	var l load
	var g generator
	if err := g.open(); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(g.ports); err != nil {
		return err
	}
	if err := json.NewDecoder(os.Stdin).Decode(&l); err != nil {
		return err
	}
	senders := make([]*srtp.Sender, len(l.B))
	for i := range senders {
		if l.Suite != sdp.NoSuite {
			var err error
			if senders[i], err = srtp.NewSender(sdp.Crypto{Suite: l.Suite, Key: testKey(2, srtp.KeyLen(l.Suite))}); err != nil {
				return err
			}
		}
	}
	buf, sent := make([]byte, 172, 172+relay.Headroom), int64(0)
	for start, ms := time.Now(), 0; ms < l.Seconds*1000; ms++ {
		for i := ms % 20; i < len(l.A); i += 20 {
			for side, to := range [...]uint16{l.A[i], l.B[i]} {
				buf[0], buf[1] = 0x80, 8
				rtp.SetLine(buf, uint16(ms/20), uint32(ms/20*160), uint32(i+1))
				b := buf
				if side == 1 && senders[i] != nil {
					b, _ = senders[i].Protect(buf)
				}
				name, size := g.out.address(netip.AddrPortFrom(loopback, to), 0)
				if sendTo(g.socks[side][i%generatorSockets].fd, b, name, size) == 0 {
					sent++
				}
			}
		}
		g.sweep()
		time.Sleep(time.Until(start.Add(time.Duration(ms+1) * time.Millisecond)))
	}
	for deadline := time.Now().Add(time.Second); g.received < sent && time.Now().Before(deadline); {
		g.sweep()
		time.Sleep(time.Millisecond)
	}
	return json.NewEncoder(os.Stdout).Encode(generated{sent, g.received})
}

// BenchmarkLoopback reports the CPU time of the relaying process for each forwarded packet, system calls included, with calls
// of G.711 both ways from another process. One iteration is two seconds: run with -benchtime 1x.
func BenchmarkLoopback(b *testing.B) {
	for _, n := range []int{30, 100, 500, 1000} {
		for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
			b.Run(fmt.Sprintf("calls=%d/suite=%d", n, suite), func(b *testing.B) {
				for b.Loop() {
					loopbackRun(b, n, suite, false)
				}
			})
		}
	}
}

// BenchmarkDesigns compares, in one run, the loop that owns its sockets with a goroutine for each socket: the portable driver.
func BenchmarkDesigns(b *testing.B) {
	for _, n := range []int{100, 300, 1000} {
		for name, portable := range map[string]bool{"loop": false, "goroutines": true} {
			b.Run(fmt.Sprintf("calls=%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					loopbackRun(b, n, sdp.AESCM128SHA180, portable)
				}
			})
		}
	}
}

func loopbackRun(b *testing.B, n int, suite sdp.Suite, portable bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), generatorEnv+"=1")
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	out := json.NewDecoder(stdout)
	var peers [2][generatorSockets]uint16
	require.NoError(b, out.Decode(&peers))

	p, err := New(Config{Loops: 1, portable: portable})
	require.NoError(b, err)
	defer func() { _ = p.Close() }()
	l := load{Suite: suite, Seconds: 2}
	var streams []*Stream
	for i := range n {
		st, err := p.Open("bench", sdp.Audio, loopback, loopback)
		require.NoError(b, err)
		a := sdp.Agreed{Enabled: true, Codecs: []sdp.Codec{pcma}, Remote: netip.AddrPortFrom(loopback, peers[0][i%generatorSockets])}
		o := sdp.Agreed{Enabled: true, Codecs: []sdp.Codec{pcma}, Remote: netip.AddrPortFrom(loopback, peers[1][i%generatorSockets])}
		if suite != sdp.NoSuite {
			o.Encryption = sdp.SDES
			o.SendKey = sdp.Crypto{Suite: suite, Key: testKey(1, srtp.KeyLen(suite))}
			o.RecvKey = sdp.Crypto{Suite: suite, Key: testKey(2, srtp.KeyLen(suite))}
		}
		require.NoError(b, st.Set(A, a))
		require.NoError(b, st.Set(B, o))
		l.A, l.B = append(l.A, st.Ports(A).RTP), append(l.B, st.Ports(B).RTP)
		streams = append(streams, st)
	}
	streams[0].Stats(A) // all are set
	before, mallocs := cpuTime(b), mallocs()
	require.NoError(b, json.NewEncoder(stdin).Encode(l))
	var g generated
	require.NoError(b, out.Decode(&g))
	used := cpuTime(b) - before
	b.ReportMetric(float64(used)/float64(g.Sent), "cpu-ns/packet")
	b.ReportMetric(100*float64(g.Sent-g.Received)/float64(g.Sent), "%loss")
	b.ReportMetric(float64(mallocsSince(mallocs))/float64(g.Sent), "allocs/packet")
	b.ReportMetric(float64(g.Sent)/2, "packets/s")
	require.NoError(b, cmd.Wait())
}

func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func mallocsSince(n uint64) uint64 { return mallocs() - n }

// The whole way of a packet through the loop allocates nothing.
func TestLoopAllocatesNothing(t *testing.T) {
	p := newPlane(t, Config{Loops: 1, perTick: 1 << 20})
	a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.AESCM128SHA180, pcma)
	st := call(t, p, a, b)
	to, buf := netip.AddrPortFrom(loopback, a.ports.RTP), make([]byte, 2048)
	packet := a.packet(8, "silence")
	step := func(i int) {
		rtp.SetLine(packet, uint16(i), uint32(i), 1)
		if _, err := a.rtp.WriteToUDPAddrPort(packet, to); err != nil {
			t.Error(err)
		}
		if _, _, err := b.rtp.ReadFromUDPAddrPort(buf); err != nil {
			t.Error(err)
		}
	}
	for i := range 100 {
		step(i)
	}
	before := mallocs()
	const n = 5000
	for i := range n {
		step(100 + i)
	}
	require.Less(t, float64(mallocsSince(before))/n, 0.02, "the runtime's own background work apart")
	require.EqualValues(t, n+100, st.Stats(B).Sent)
}

// BenchmarkMemory is what one stream costs in our own memory, keys included, ports and the kernel's sockets not. One iteration is
// a thousand streams.
func BenchmarkMemory(b *testing.B) {
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES256GCM} {
		b.Run(suite.String(), func(b *testing.B) {
			for b.Loop() {
				p, err := New(Config{Loops: 1})
				require.NoError(b, err)
				before := heap()
				const n = 1000
				for range n {
					st, err := p.Open("call", sdp.Audio, loopback, loopback)
					require.NoError(b, err)
					for side := range 2 {
						a := sdp.Agreed{Enabled: true, Remote: netip.AddrPortFrom(loopback, 9), Codecs: []sdp.Codec{pcma}}
						if suite != sdp.NoSuite {
							a.Encryption = sdp.SDES
							a.SendKey = sdp.Crypto{Suite: suite, Key: testKey(byte(2*side), srtp.KeyLen(suite))}
							a.RecvKey = sdp.Crypto{Suite: suite, Key: testKey(byte(2*side+1), srtp.KeyLen(suite))}
						}
						require.NoError(b, st.Set(Side(side), a))
					}
					_ = st.Stats(A) // both were taken over
				}
				b.ReportMetric(float64(heap()-before)/n, "B/stream")
				require.NoError(b, p.Close())
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
