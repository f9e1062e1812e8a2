package dtls

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"b2bua/media/sdp"
)

// BenchmarkHandshake makes one whole handshake each time, both ends in this process: the CPU time of one end is about half of
// cpu-µs/op.
func BenchmarkHandshake(b *testing.B) {
	cfg := Config{Certificate: certificate(b), PerSecond: 1e6, Running: 1e6, Flight: time.Second, Linger: time.Nanosecond}
	server, client := handshaker(b, cfg), handshaker(b, cfg)
	at := cpuTime(b)
	n := 0
	for b.Loop() {
		handshakeOnce(b, server, client, uint16(n))
		n++
	}
	b.ReportMetric(float64((cpuTime(b)-at).Microseconds())/float64(n), "cpu-µs/op")
}

func handshakeOnce(b *testing.B, server, client *Handshaker, n uint16) {
	b.Helper()
	w := newWire(nil)
	at, from := netip.AddrPortFrom(addrA.Addr(), n), netip.AddrPortFrom(addrB.Addr(), n)
	s, served := w.join(b, server, at, from, false, client.Fingerprint())
	c, dialled := w.join(b, client, from, at, true, server.Fingerprint())
	for _, results := range []chan Result{served, dialled} {
		if r := result(b, results); r.Err != nil || r.Send.Suite == sdp.NoSuite {
			b.Fatal(r.Err)
		}
	}
	s.Close()
	c.Close()
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
