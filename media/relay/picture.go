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

// AskPicture is the packet that asks a side's peer for a whole picture; an empty one if it has not agreed on feedback or nothing
// came from it yet.
func (r *Relay) AskPicture(to Side) Output {
	o, s := &r.sides[to], &r.sides[to.Other()]
	media, heard := o.reception.SSRC()
	addr, back := o.target(RTCP), RTCP
	if o.mux {
		back = RTP
	}
	if r.closed || !heard || !o.feedback || !o.ready(back) || !addr.IsValid() {
		return Output{}
	}
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
			return Output{}
		}
	}
	o.stats.SentRTCP++
	return Output{Packet: b, To: addr, Side: to, Ch: back}
}
