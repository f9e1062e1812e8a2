package call

import "b2bua/media/sdp"

// heading is what is known of the direction of one stream on one leg. Hold and resume (spec 2.6) compare the two legs by it.
type heading struct {
	asked sdp.Direction // ours: what we last offered, or were ready to answer
	wish  sdp.Direction // the far end's own, as it writes it: its hold is in it, the one we ask of it is not
}

func (l *leg) heading(i int) *heading {
	for len(l.headings) <= i {
		l.headings = append(l.headings, heading{})
	}
	return &l.headings[i]
}

func (l *leg) runs(i int) bool { return i < len(l.agreed) && l.agreed[i].Enabled }

// holds tells whether the far end of this leg has put the call on hold: no stream of it is to be received there. Audio and video
// are considered together.
func (l *leg) holds() bool {
	held := false
	for i := range l.agreed {
		if !l.runs(i) {
			continue
		}
		if l.heading(i).wish.Receives() {
			return false
		}
		held = true
	}
	return held
}

// permits is the direction of ours that the far end of the other leg leaves to this one. Who holds may still send music, also
// where it held with a=inactive (spec 2.6.3).
func (l *leg) permits(i int) sdp.Direction {
	o := l.other()
	if o.holds() {
		return sdp.SendOnly
	}
	return o.heading(i).wish
}

// wants is the direction for an offer of ours on this leg.
func (l *leg) wants(i int) sdp.Direction {
	o, h := l.other(), l.heading(i)
	switch {
	case !l.runs(i): // a new stream: as the other leg describes it
		return l.permits(i)
	case o.holds():
		if !h.asked.Receives() { // on hold already
			return h.asked
		}
		if l.holds() {
			return sdp.Inactive
		}
		return sdp.SendOnly
	case o.heading(i).wish == sdp.SendRecv:
		return sdp.SendRecv
	}
	return h.asked // spec 2.6.2: a resume that is not sendrecv leaves the other leg alone
}

// theyOffered notes the directions of an offer that is being answered.
func (l *leg) theyOffered(offer *sdp.Session) {
	for i := range offer.Media {
		h := l.heading(i)
		h.wish, h.asked = offer.Media[i].Direction, l.permits(i)
	}
}

// theyAnswered notes what an answer says about the far end's own wish: nothing where our offer left no choice. A hold that is
// answered with a=inactive instead of recvonly is no hold by the one who answers.
func (l *leg) theyAnswered(ours, theirs *sdp.Session) {
	for i := range min(len(ours.Media), len(theirs.Media)) {
		h, d := l.heading(i), theirs.Media[i].Direction
		switch h.asked = ours.Media[i].Direction; {
		case h.asked == sdp.SendRecv:
			h.wish = d
		case h.asked == sdp.RecvOnly && d.Sends():
			h.wish = sdp.SendRecv
		case h.asked == sdp.RecvOnly:
			h.wish = sdp.RecvOnly
		}
	}
}

// outdated tells whether what runs on this leg no longer fits the other one: its streams, its codecs (nothing is transcoded,
// decision 9), a hold, or the Hello that its phone is to wait for.
func (l *leg) outdated() bool {
	return l.misdirected() || l.misgreeted() || !sdp.Holds(l.agreed, l.other().agreed)
}

func (l *leg) misdirected() bool {
	for i := range l.agreed {
		if l.runs(i) && l.wants(i) != l.heading(i).asked {
			return true
		}
	}
	return false
}
