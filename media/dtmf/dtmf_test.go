package dtmf

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
)

var start = time.Unix(1000, 0)

func TestParse(t *testing.T) {
	for i := range len(chars) {
		tone, ok := Parse(chars[i])
		require.True(t, ok)
		require.Equal(t, Tone(i), tone)
		require.Equal(t, chars[i:i+1], tone.String())
		lower, ok := Parse(strings.ToLower(chars)[i])
		require.True(t, ok)
		require.Equal(t, tone, lower)
	}
	for _, c := range "eE \x00Zz$" {
		_, ok := Parse(byte(c))
		require.False(t, ok)
	}
	require.Equal(t, "?", Tone(16).String())
}

// sent is one packet of an event.
type sent struct {
	at       time.Duration
	event    uint8
	ts       uint32
	duration uint16
	end      bool
	marker   bool
	ssrc     uint32
}

// heard are the digits of a list of packets.
func heard(d *Detector, list []sent) string {
	var out strings.Builder
	for i, p := range list {
		payload := [4]byte{p.event, 10}
		if p.end {
			payload[1] |= 0x80
		}
		binary.BigEndian.PutUint16(payload[2:], p.duration)
		h := rtp.Header{PT: 101, Marker: p.marker, Seq: uint16(i), Timestamp: p.ts, SSRC: p.ssrc, Size: 12}
		if tone, ok := d.Packet(start.Add(p.at), h, payload[:]); ok {
			out.WriteString(tone.String())
		}
	}
	return out.String()
}

// press are the packets of one digit as devices send them: every 20 ms, 8 kHz.
func press(at time.Duration, tone uint8, ts uint32) []sent {
	const packets = 5
	var list []sent
	for i := range packets + 3 {
		list = append(list, sent{
			at: at + time.Duration(i)*20*time.Millisecond, event: tone, ts: ts, duration: uint16(160 * min(i+1, packets)), end: i >= packets, marker: i == 0,
		})
	}
	return list
}

func TestEachDigitOnce(t *testing.T) {
	one, two := press(0, 1, 8000), press(300*time.Millisecond, 2, 10400)
	again := press(600*time.Millisecond, 2, 12800)
	all := append(append(append([]sent{}, one...), two...), again...)
	require.Equal(t, "122", heard(&Detector{}, all))

	t.Run("whatever is lost, as long as something comes", func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 500 {
			var some []sent
			for _, event := range [][]sent{one, two, again} {
				keep := rnd.IntN(len(event))
				for i, p := range event {
					if i == keep || rnd.IntN(2) == 0 {
						some = append(some, p)
					}
				}
			}
			require.Equal(t, "122", heard(&Detector{}, some))
		}
	})
	t.Run("repeated packets", func(t *testing.T) {
		var doubled []sent
		for _, p := range all {
			doubled = append(doubled, p, p)
		}
		require.Equal(t, "122", heard(&Detector{}, doubled))
	})
	t.Run("late ends of the digit before", func(t *testing.T) {
		mixed := append(append(append([]sent{}, one[:5]...), two[:2]...), one[5:]...)
		require.Equal(t, "12", heard(&Detector{}, append(mixed, two[2:]...)))
	})
	t.Run("no marker, no end", func(t *testing.T) {
		var bare []sent
		for _, p := range all {
			if !p.end {
				p.marker = false
				bare = append(bare, p)
			}
		}
		require.Equal(t, "122", heard(&Detector{}, bare))
	})
	t.Run("a new source begins anew", func(t *testing.T) {
		moved := press(400*time.Millisecond, 2, 100)
		for i := range moved {
			moved[i].ssrc = 9
		}
		require.Equal(t, "12", heard(&Detector{}, append(append([]sent{}, one...), moved...)))
	})
	t.Run("after a pause of any length", func(t *testing.T) { // the timestamp may have gone round
		later := press(100*time.Hour, 3, one[0].ts-1000)
		require.Equal(t, "13", heard(&Detector{}, append(append([]sent{}, one...), later...)))
	})
}

// RFC 4733 section 2.5.1.3: an event beyond 0xffff units goes on in further segments.
func TestLongEvent(t *testing.T) {
	for _, rate := range []uint32{8000, 16000, 48000} {
		var list []sent
		step := rate / 20
		for at := uint32(0); at < 5*maxDuration; at += step {
			segment := at / maxDuration
			list = append(list, sent{
				at: time.Duration(at) * time.Second / time.Duration(rate), event: 5, ts: 77 + segment*maxDuration,
				duration: uint16(min(at-segment*maxDuration+step, maxDuration)), marker: at == 0,
			})
		}
		require.Equal(t, "5", heard(&Detector{}, list), "%d Hz", rate)
		require.Equal(t, "55", heard(&Detector{}, append(list, press(40*time.Second, 5, 77+6*maxDuration)...)))
	}
}

// Some devices move the timestamp on within an event.
func TestMovingTimestamp(t *testing.T) {
	var list []sent
	for i := range uint32(6) {
		list = append(list, sent{at: time.Duration(i) * 20 * time.Millisecond, event: 4, ts: 1000 + 160*i, duration: uint16(160 * (i + 1)), marker: i == 0, end: i == 5})
	}
	require.Equal(t, "4", heard(&Detector{}, list))
}

func TestOtherEvents(t *testing.T) {
	require.Empty(t, heard(&Detector{}, press(0, 16, 8000)), "a hook flash is no digit")
	require.Equal(t, "1", heard(&Detector{}, append(press(0, 36, 8000), press(300*time.Millisecond, 1, 10400)...)))
	_, ok := (&Detector{}).Packet(start, rtp.Header{}, []byte{1, 2, 3})
	require.False(t, ok)
}

func TestFloodOfDigits(t *testing.T) {
	var list []sent
	for i := range uint32(1000) {
		list = append(list, sent{at: time.Duration(i) * time.Millisecond, event: 5, ts: 1000 * i, duration: 160, end: true, marker: true})
	}
	n := len(heard(&Detector{}, list))
	require.GreaterOrEqual(t, n, maxBurst)
	require.LessOrEqual(t, n, maxBurst+20)
}

// play collects what a player sends, stepping the time to when it is due.
func play(t *testing.T, p *Player, now time.Time) (at []time.Duration, got []Packet) {
	for i := 0; ; i++ {
		due, more := p.Due()
		if !more {
			return at, got
		}
		require.Less(t, i, 1000)
		if k, ok := p.Next(due); ok {
			at, got = append(at, due.Sub(now)), append(got, k)
		}
	}
}

func TestPlayer(t *testing.T) {
	var p Player
	require.True(t, p.Add(start, 5))
	require.True(t, p.Add(start, 11))
	require.False(t, p.Add(start, 16))
	_, early := p.Next(start.Add(-time.Millisecond))
	require.False(t, early)
	at, got := play(t, &p, start)
	event := func(tone Tone) []Packet {
		return []Packet{
			{Tone: tone, First: true, Duration: step},
			{Tone: tone, Duration: 2 * step},
			{Tone: tone, End: true, Duration: 2 * step},
			{Tone: tone, End: true, Duration: 2 * step},
			{Tone: tone, End: true, Duration: 2 * step},
		}
	}
	require.Equal(t, append(event(5), event(11)...), got)
	for i, d := range at {
		require.Equal(t, time.Duration(i)*step, d)
	}
	require.True(t, p.Add(start.Add(time.Second), 1), "and anew")
	_, got = play(t, &p, start)
	require.Equal(t, event(1), got)
}

func TestPlayerHeldUp(t *testing.T) {
	var p Player
	p.Add(start, 1)
	late := start.Add(time.Second)
	_, ok := p.Next(late)
	require.True(t, ok)
	_, ok = p.Next(late)
	require.False(t, ok, "packets are not bunched")
	due, _ := p.Due()
	require.Equal(t, late.Add(step), due)
}

// A digit that has not begun can be put off.
func TestPlayerWaits(t *testing.T) {
	start := time.Unix(0, 0)
	var p Player
	require.False(t, p.Wait(start), "there is nothing")
	p.Add(start, 1)
	p.Add(start, 2)
	require.True(t, p.Wait(start))
	require.True(t, p.Wait(start), "once for each time")
	due, _ := p.Due()
	require.Equal(t, start.Add(step), due)
	k, ok := p.Next(due)
	require.True(t, ok && k.First)
	for range pause - 1 {
		require.False(t, p.Wait(due), "it has begun")
		due, _ = p.Due()
		_, ok = p.Next(due)
		require.True(t, ok)
	}
	due, _ = p.Due()
	require.True(t, p.Wait(due), "the next one has not")
	due, _ = p.Due()
	k, ok = p.Next(due)
	require.True(t, ok && k.First)
	require.EqualValues(t, 2, k.Tone)
	for range pause - 1 {
		due, _ = p.Due()
		p.Next(due)
	}
	due, _ = p.Due()
	require.False(t, p.Wait(due), "none is left")
	_, ok = p.Next(due)
	require.False(t, ok)
}

func TestQueueIsBounded(t *testing.T) {
	var p Player
	for range MaxQueue {
		require.True(t, p.Add(start, 1))
	}
	require.False(t, p.Add(start, 1))
	_, got := play(t, &p, start)
	require.Len(t, got, 5*MaxQueue)
}

func TestPut(t *testing.T) {
	var b [PayloadSize]byte
	Packet{Tone: 11, End: true, Duration: 100 * time.Millisecond}.Put(b[:], 48000)
	require.Equal(t, [PayloadSize]byte{11, 0x8a, 0x12, 0xc0}, b)
	Packet{Tone: 3, Duration: 50 * time.Millisecond}.Put(b[:], 8000)
	require.Equal(t, [PayloadSize]byte{3, 10, 0x01, 0x90}, b)
}

// What the player sends, the detector hears.
func TestPlayerAndDetector(t *testing.T) {
	var p Player
	for i := range 16 {
		p.Add(start, Tone(i))
	}
	var list []sent
	at, got := play(t, &p, start)
	ts := uint32(0)
	for i, k := range got {
		if k.First {
			ts = uint32(at[i].Milliseconds() * 8)
		}
		list = append(list, sent{at: at[i], event: uint8(k.Tone), ts: ts, duration: uint16(k.Duration.Milliseconds() * 8), end: k.End, marker: k.First})
	}
	require.Equal(t, chars, heard(&Detector{}, list))
}

func TestNoAllocations(t *testing.T) {
	d, p, now := &Detector{}, &Player{}, start
	payload := []byte{1, 10, 0, 160}
	ts := uint32(0)
	require.Zero(t, testing.AllocsPerRun(200, func() {
		now, ts = now.Add(100*time.Millisecond), ts+800
		p.Add(now, 1)
		p.Next(now)
		d.Packet(now, rtp.Header{Timestamp: ts}, payload)
	}))
}

// FuzzDetector: whatever comes, only digits are told, and no more than a person dials.
func FuzzDetector(f *testing.F) {
	f.Add([]byte{1, 10, 0, 160, 0, 0, 1, 0x8a, 0, 160, 0, 1})
	f.Add([]byte{5, 10, 0xff, 0xff, 0, 0, 5, 10, 1, 0, 0xff, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Detector
		now, n := start, 0
		for ; len(b) >= 6; b = b[6:] {
			now = now.Add(time.Millisecond)
			h := rtp.Header{Timestamp: uint32(b[4])<<8 | uint32(b[5]), Marker: b[1]&1 != 0, SSRC: uint32(b[1] >> 6 & 1)}
			if tone, ok := d.Packet(now, h, b[:4]); ok {
				n++
				require.True(t, tone.Valid())
			}
		}
		require.LessOrEqual(t, n, maxBurst+int(now.Sub(start)/oneTonePer)+1)
	})
}
