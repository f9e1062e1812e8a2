package relay

import (
	"time"

	"b2bua/media/rtp"
)

// onePicturePer is how often a peer's wish for a whole picture is told: it repeats it until it has one.
const onePicturePer = time.Second

func (r *Relay) pictureLost(now time.Time, on Side) {
	s := &r.sides[on]
	if now.Sub(s.asked) < onePicturePer {
		return
	}
	s.asked = now
	r.notify(Event{Kind: PictureLost, Side: on})
}

// AskPicture asks a side's peer for a whole picture, if it has agreed on feedback. Before it is known which source that is about, or how
// to reach the peer, the wish waits: who asked once may not ask again (RFC 5168). One packet answers all that wait.
func (r *Relay) AskPicture(to Side) {
	o := &r.sides[to]
	if r.closed || !o.enabled || !o.feedback {
		return
	}
	o.wished = true
	r.sendWish(to)
}

// sendWish sends the wish that waits as soon as it can be sent.
func (r *Relay) sendWish(to Side) {
	o, s := &r.sides[to], &r.sides[to.Other()]
	media, heard := o.reception.SSRC()
	addr, back := o.target(RTCP), RTCP
	if o.mux {
		back = RTP
	}
	heard = heard && o.latch.source.IsValid() // else it was another peer's, or the same at another place
	if !heard || !o.ready(back) || !addr.IsValid() || r.cfg.Send == nil {
		return
	}
	o.wished = false
	sender, started := s.flow.Media.SSRC()
	if !started { // nothing was sent to this peer: any other number than its own
		sender = ^media
	}
	b := make([]byte, rtp.PictureLossSize, rtp.PictureLossSize+Headroom)
	rtp.PutPictureLoss(b, sender, media)
	if o.secure {
		var err error
		if b, err = o.keysOf(back).send.ProtectRTCP(b); err != nil {
			o.stats.Unsent++
			return
		}
	}
	o.stats.SentRTCP++
	r.cfg.Send(Output{Packet: b, To: addr, Side: to, Ch: back})
}
