package relay

import (
	"fmt"
	"testing"
	"time"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

// BenchmarkCold is the path of one packet when the stream's state is in none of the nearer caches, as it is with a thousand
// streams that speak each 20 ms.
func BenchmarkCold(b *testing.B) {
	const streams = 2000
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
		b.Run(fmt.Sprint(suite), func(b *testing.B) {
			all := make([]*Relay, streams)
			for i := range all {
				all[i] = newBench(b, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, suite, uint64(i), pcmu)).r
				all[i].cfg.Notify = nil
			}
			buf, now, seq := packet(0, 0, 7), start, uint16(0)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%streams == 0 {
					now, seq = now.Add(20*time.Millisecond), seq+1
				}
				rtp.SetLine(buf, seq, uint32(seq)*160, 7)
				rtp.SetPT(buf, 0)
				if out := all[n%streams].Handle(now, addrA, A, RTP, buf); len(out.Packet) == 0 {
					b.Fatal("not relayed")
				}
			}
		})
	}
}
