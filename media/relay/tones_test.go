package relay

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/dtmf"
	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

// event is a packet of a telephone event of A's peer.
func (x *bench) event(seq uint16, ts uint32, tone byte, duration uint16, first, end bool) []byte {
	b := make([]byte, 16, 16+Headroom)
	b[0], b[1] = 0x80, eventsA.PT
	if first {
		b[1] |= 0x80
	}
	rtp.SetLine(b, seq, ts, 7)
	b[12], b[13] = tone, 10
	if end {
		b[13] |= 0x80
	}
	binary.BigEndian.PutUint16(b[14:], duration)
	if s := x.send[A]; s != nil {
		var err error
		b, err = s.Protect(b)
		require.NoError(x.t, err)
	}
	return b
}

// open is what a peer reads.
func (x *bench) open(on Side, b []byte) (rtp.Header, []byte) {
	x.t.Helper()
	b = bytes.Clone(b)
	if r := x.recv[on]; r != nil {
		var err error
		b, err = r.Unprotect(b)
		require.NoError(x.t, err)
	}
	h, err := rtp.Parse(b)
	require.NoError(x.t, err)
	return h, b[h.Size:]
}

func (x *bench) digits() string {
	out := ""
	for _, e := range x.events {
		if e.Kind == ToneHeard {
			out += e.Side.String() + e.Tone.String()
		}
	}
	return out
}

// Telephone events pass as they are where both legs have them: marker, one timestamp, duration, three ends; only the number is
// the other leg's. A re-INVITE in the middle, which changes that number, keeps the event one.
func TestEventsPass(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		modes(t, func(name string, sa, sb sdp.Suite) {
			ea, eb := sdp.Codec{PT: 101, Name: "telephone-event", Rate: rate}, sdp.Codec{PT: 97, Name: "telephone-event", Rate: rate}
			a, b := agreed(addrA, sa, 1, pcmu, ea), agreed(addrB, sb, 10, pcmu, eb)
			x := newBench(t, a, b)
			require.True(t, x.flows(start, addrA, A, 99, 7), name)
			number := uint8(97)
			for i := range 8 {
				if i == 4 {
					eb.PT, number = 119, 119
					b.Codecs = []sdp.Codec{pcmu, eb}
					x.apply(after(time.Second), B, b)
				}
				in := x.event(uint16(100+i), 16000, 5, uint16(160*min(i+1, 5)), i == 0, i >= 5)
				out := x.r.Handle(after(time.Duration(i)*20*time.Millisecond), addrA, A, RTP, roomy(in))
				require.NotEmpty(t, out.Packet, name)
				h, payload := x.open(B, out.Packet)
				require.Equal(t, rtp.Header{PT: number, Marker: i == 0, Seq: uint16(100 + i), Timestamp: 16000, SSRC: 7, Size: 12}, h)
				end := byte(10)
				if i >= 5 {
					end |= 0x80
				}
				require.Equal(t, []byte{5, end}, payload[:2])
				require.EqualValues(t, 160*min(i+1, 5), binary.BigEndian.Uint16(payload[2:]))
			}
			require.Empty(t, x.digits())
			require.Nil(t, x.r.sides[A].detector)
		})
	}
}

// Where the other leg has none, each digit is told once and the line closes up.
func TestEventsAreTold(t *testing.T) {
	modes(t, func(name string, sa, sb sdp.Suite) {
		x := newBench(t, agreed(addrA, sa, 1, pcmu, eventsA), agreed(addrB, sb, 10, pcmu))
		seq, want := uint16(65500), begins(sb, 65500)
		for i := range 50 {
			now := after(time.Duration(i) * 20 * time.Millisecond)
			if i%10 == 5 {
				for k := range 6 {
					in := x.event(seq, uint32(i)*160, byte(i/10), 800, k == 0, k > 2)
					seq++
					require.Empty(t, x.r.Handle(now, addrA, A, RTP, roomy(in)).Packet, name)
				}
			}
			h, _, ok := x.talk(now, addrA, A, 0, seq, 7)
			require.True(t, ok, name)
			require.Equal(t, want, h.Seq, name)
			seq, want = seq+1, want+1
		}
		require.Equal(t, "A0A1A2A3A4", x.digits(), name)
		require.Zero(t, x.r.Stats(A).Unmapped)
		require.EqualValues(t, 5, x.r.Stats(A).Tones)
	})
}

// A leg whose other side has not agreed on anything yet tells nothing: nobody is there to hear it.
func TestEventsBeforeTheAnswer(t *testing.T) {
	x := &bench{t: t}
	x.r = New(Config{Notify: func(e Event) { x.events = append(x.events, e) }})
	x.set(start, A, agreed(addrA, sdp.NoSuite, 0, pcmu, eventsA))
	x.r.Handle(start, addrA, A, RTP, roomy(x.event(1, 100, 5, 160, true, false)))
	require.Empty(t, x.digits())
}

// steps plays all that is due to B, and returns what its peer reads.
func (x *bench) steps(now time.Time) (list []rtp.Header, payloads [][]byte) {
	x.t.Helper()
	for due, more := x.r.ToneDue(B); more && !due.After(now); due, more = x.r.ToneDue(B) {
		if out := x.r.NextTone(due, B); len(out.Packet) > 0 {
			require.Equal(x.t, B, out.Side)
			h, p := x.open(B, out.Packet)
			list, payloads = append(list, h), append(payloads, p)
		}
	}
	return list, payloads
}

func TestPlay(t *testing.T) {
	modes(t, func(name string, sa, sb sdp.Suite) {
		x := newBench(t, agreed(addrA, sa, 1, pcmu), agreed(addrB, sb, 10, pcmu, eventsB))
		x.talk(start, addrB, B, 0, 1, 8)
		src, want := uint16(65300), begins(sb, 65300)
		events := 0
		for i := range 400 { // over a roll-over of the numbers
			now := after(time.Duration(i) * 20 * time.Millisecond)
			if i%100 == 50 {
				require.True(t, x.r.Play(now, B, dtmf.Tone(i/100), Seed{}), name)
			}
			headers, payloads := x.steps(now)
			for k, h := range headers {
				step := events % 5
				base := 50 + events/5*100
				require.Equal(t, rtp.Header{
					PT: 97, Marker: step == 0, Seq: want, Timestamp: (65300 + uint32(base)) * 160, SSRC: 7, Size: 12,
				}, h, "%s %d %d", name, i, k)
				require.EqualValues(t, events/5, payloads[k][0])
				require.EqualValues(t, min(step+1, 2)*400, binary.BigEndian.Uint16(payloads[k][2:]))
				require.Equal(t, step >= 2, payloads[k][1]&0x80 != 0)
				want++
				events++
			}
			h, _, ok := x.talkTS(now, A, src, uint32(65300+i)*160)
			src++
			if i%100 >= 50 && i%100 < 50+13 { // 250 ms: the digit is heard instead
				require.False(t, ok, "%s %d", name, i)
				continue
			}
			require.True(t, ok, "%s %d", name, i)
			require.Equal(t, want, h.Seq, "%s %d", name, i)
			require.Equal(t, uint32(65300+i)*160, h.Timestamp)
			want++
		}
		require.Equal(t, 4*5, events)
		require.Nil(t, x.r.sides[A].played)
		require.EqualValues(t, 4, x.r.Stats(B).Tones)
		require.Zero(t, x.r.Stats(A).Late)
		require.Zero(t, x.r.Stats(B).Unsent)
	})
}

// talkTS sends audio with a timestamp of its own.
func (x *bench) talkTS(now time.Time, on Side, seq uint16, ts uint32) (rtp.Header, Output, bool) {
	b := packet(0, seq, 7)
	rtp.SetLine(b, seq, ts, 7)
	if s := x.send[on]; s != nil {
		var err error
		b, err = s.Protect(b)
		require.NoError(x.t, err)
	}
	from := addrA
	if on == B {
		from = addrB
	}
	return x.deliver(now, from, on, b)
}

// A side that nothing was sent to yet hears digits on a line of our own, and the source continues it.
func TestPlayFirst(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.AEADAES128GCM, 10, pcmu, eventsB))
	seed := Seed{SSRC: 77, Timestamp: 5000, Seq: 0xffff}
	require.True(t, x.r.Play(start, B, 1, seed))
	require.True(t, x.r.Play(start, B, 2, seed))
	headers, _ := x.steps(after(time.Second))
	require.Len(t, headers, 10)
	for i, h := range headers {
		require.EqualValues(t, 77, h.SSRC)
		require.EqualValues(t, 0x7fff+i, h.Seq)
	}
	require.EqualValues(t, 5001, headers[0].Timestamp)
	require.EqualValues(t, 5001+8*250, headers[5].Timestamp)
	h, _, ok := x.talk(after(time.Second), addrA, A, 0, 9, 7)
	require.True(t, ok)
	require.EqualValues(t, 77, h.SSRC)
	require.EqualValues(t, 0x7fff+10, h.Seq)
	require.EqualValues(t, 5001+8*1000, h.Timestamp)
}

func TestPlayWhereItCannotBe(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu, eventsB))
	require.False(t, x.r.Play(start, A, 1, Seed{}), "no telephone-event there")
	_, playing := x.r.ToneDue(A)
	require.False(t, playing)
	for range dtmf.MaxQueue {
		require.True(t, x.r.Play(start, B, 1, Seed{}))
	}
	require.False(t, x.r.Play(start, B, 1, Seed{}), "the queue is bounded")
	held := agreed(addrB, sdp.NoSuite, 0, pcmu, eventsB)
	held.Direction = sdp.RecvOnly
	x.apply(start, B, held)
	headers, _ := x.steps(after(time.Minute))
	require.Empty(t, headers, "the peer is on hold")
	require.NotZero(t, x.r.Stats(B).Held)
	require.Nil(t, x.r.sides[A].played, "and its media goes on")
	x.r.Close()
	require.False(t, x.r.Play(start, B, 1, Seed{}))
}

// Digits wait for keys and address, not for ever. One that has begun goes on into the void.
func TestPlayWaits(t *testing.T) {
	nowhere := agreed(netip.AddrPort{}, sdp.NoSuite, 0, pcmu, eventsB)
	keyless := agreed(addrB, sdp.NoSuite, 0, pcmu, eventsB)
	keyless.Encryption = sdp.DTLS
	ready := agreed(addrB, sdp.NoSuite, 0, pcmu, eventsB)
	for name, b := range map[string]sdp.Agreed{"no address": nowhere, "no keys": keyless} {
		x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), b)
		x.talk(start, addrA, A, 0, 1, 7)
		lost := x.r.Stats(B).Unsent // that packet
		require.True(t, x.r.Play(start, B, 1, Seed{}), name)
		require.True(t, x.r.Play(start, B, 2, Seed{}), name)
		headers, _ := x.steps(after(maxToneWait - time.Second))
		require.Empty(t, headers, name)
		x.apply(start, B, ready)
		headers, payloads := x.steps(after(maxToneWait))
		require.Len(t, headers, 10, name)
		require.EqualValues(t, 1, payloads[0][0])
		require.EqualValues(t, 2, payloads[5][0])
		require.Equal(t, lost, x.r.Stats(B).Unsent, name)

		x.apply(start, B, b)
		require.True(t, x.r.Play(after(time.Minute), B, 3, Seed{}), name)
		x.steps(after(time.Minute + 2*maxToneWait))
		require.Nil(t, x.r.sides[A].played, "it is too late: %s", name)
		require.Equal(t, lost+5, x.r.Stats(B).Unsent, name)

		x.apply(start, B, ready)
		require.True(t, x.r.Play(after(time.Hour), B, 4, Seed{}), name)
		headers, _ = x.steps(after(time.Hour + 60*time.Millisecond))
		require.Len(t, headers, 2, name)
		x.apply(start, B, b)
		x.steps(after(time.Hour + time.Second))
		require.Nil(t, x.r.sides[A].played, name)
	}
}

// The format with the clock of the stream is chosen.
func TestPlayClock(t *testing.T) {
	slow, fast := eventsB, sdp.Codec{PT: 98, Name: "telephone-event", Rate: 48000}
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, opusA), agreed(addrB, sdp.NoSuite, 0, opusB, slow, fast))
	x.talk(start, addrB, B, 111, 1, 8)
	x.talk(start, addrA, A, 96, 1, 7)
	require.True(t, x.r.Play(after(10*time.Millisecond), B, 1, Seed{}))
	headers, payloads := x.steps(after(time.Second))
	require.EqualValues(t, 98, headers[0].PT)
	require.EqualValues(t, 160+480, headers[0].Timestamp)
	require.EqualValues(t, 2400, binary.BigEndian.Uint16(payloads[0][2:]))
}

func TestTonesDoNotAllocate(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu, eventsA), agreed(addrB, sdp.AEADAES128GCM, 10, pcmu))
	x.set(start, A, agreed(addrA, sdp.NoSuite, 0, pcmu, eventsA))
	now, seq := start, uint16(0)
	ts := uint32(0)
	x.r.cfg.Notify = nil
	wire := roomy(x.event(0, 0, 5, 160, true, false))
	hear := func() {
		now, seq, ts = now.Add(20*time.Millisecond), seq+1, ts+800
		rtp.SetLine(wire, seq, ts, 7)
		x.r.Handle(now, addrA, A, RTP, wire)
	}
	x.talk(now, addrA, A, 0, seq, 7)
	hear()
	require.Zero(t, testing.AllocsPerRun(100, hear))

	x = newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.AEADAES128GCM, 10, pcmu, eventsB))
	x.talk(now, addrA, A, 0, 1, 7)
	for range dtmf.MaxQueue {
		x.r.Play(now, B, 1, Seed{})
	}
	sent := 0
	next := func() {
		now = now.Add(50 * time.Millisecond)
		if len(x.r.NextTone(now, B).Packet) > 0 {
			sent++
		}
	}
	next()
	require.Zero(t, testing.AllocsPerRun(100, next))
	require.Greater(t, sent, 90)
}
