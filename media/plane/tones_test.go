package plane

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/dtmf"
	"b2bua/media/sdp"
)

// Digits that are played arrive whole, on the stream's own numbers, at both sides at the same time; those that one side sends and the
// other has no format for are told.
func TestTones(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
		t.Run(suite.String(), func(t *testing.T) {
			drivers(t, func(t *testing.T, cfg Config) {
				heard := make(chan Event, 10)
				cfg.Notify = func(e Event) {
					if e.Kind == ToneHeard {
						heard <- e
					}
				}
				p := newPlane(t, cfg)
				a, b := newPhone(t, suite, pcma), newPhone(t, suite, pcma, tone)
				st := call(t, p, a, b)
				a.say(8, "first")
				before := b.hear().SequenceNumber
				b.say(97, "\x05\x0a\x00\xa0")
				e := <-heard
				require.Equal(t, []any{st, B, dtmf.Tone(5)}, []any{e.Stream, e.Side, e.Tone})
				st.Play(A, 1) // A has no telephone events
				for _, digit := range []dtmf.Tone{1, 11} {
					st.Play(B, digit)
				}
				for i := range uint16(10) {
					got := b.hear()
					require.EqualValues(t, 97, got.PayloadType)
					require.Equal(t, before+1+i, got.SequenceNumber)
					require.Equal(t, i%5 == 0, got.Marker)
					require.Equal(t, []byte{1, 11}[i/5], got.Payload[0])
					require.Equal(t, i%5 >= 2, got.Payload[1]&0x80 != 0)
				}
				require.Eventually(t, func() bool { // the media goes on
					a.say(8, "again")
					return st.Stats(B).Sent > 11
				}, 5*time.Second, 10*time.Millisecond)
				require.Equal(t, "again", string(b.hear().Payload))
			})
		})
	}
}

func TestCloseWhileATonePlays(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.NoSuite, pcma, events8k), newPhone(t, sdp.NoSuite, pcma, tone)
		var all []*Stream
		for range 3 {
			st := call(t, p, a, b)
			for range dtmf.MaxQueue {
				st.Play(B, 1)
				st.Play(A, 2)
			}
			all = append(all, st)
		}
		b.hear()
		for _, st := range all {
			st.Close()
			<-st.Closed()
			st.Play(B, 1)
		}
	})
}
