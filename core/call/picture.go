package call

import (
	"slices"
	"time"

	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// A peer that lost a picture asks for a whole one by RTCP feedback where it has AVPF, by INFO where it has not (RFC 5168). Where the
// legs differ, one becomes the other.

const (
	controlType = "application/media_control+xml"
	fastUpdate  = `<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
		"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"
)

// AskPicture asks the media plane to ask the peer of one side for a whole picture by feedback.
type AskPicture struct {
	Call  uint64
	Index int
	Side  Side
}

func (AskPicture) output() {}

// PictureLost says that one side asked for a whole picture by feedback that the other leg has not agreed on.
func (e *Engine) PictureLost(_ time.Time, number uint64, side Side) {
	if c := e.calls[number]; c != nil {
		c.leg(side).other().askPicture()
	}
}

// askPicture asks the leg's peer for a whole picture. While the leg has no video, the wish waits for an answer that is under way and may
// bring it; an INFO waits for the ACK.
func (l *leg) askPicture() {
	isVideo := func(g sdp.Agreed) bool { return g.Enabled && g.Kind == sdp.Video }
	i := slices.IndexFunc(l.agreed, isVideo)
	l.infos.wished = false
	switch {
	case i < 0:
		l.infos.wished = l.call.state < stRunning || l.call.asking != nil || l.describing()
	case l.agreed[i].AVPF && !l.call.through:
		l.call.e.emit(AskPicture{Call: l.call.number, Index: i, Side: l.side})
	case !l.infos.noPicture:
		l.infos.picture = true
		l.nextInfo()
	}
}

// askLater asks for what askPicture has put off.
func (l *leg) askLater() {
	if l.infos.wished {
		l.askPicture()
	}
}

// sendPicture sends the INFO that is wanted; many wishes while one is under way are one. Who refuses it is not asked again.
func (l *leg) sendPicture() {
	if !l.infos.picture {
		return
	}
	l.infos.picture = false
	req := l.newRequest(sip.INFO)
	req.ContentType, req.Body = controlType, []byte(fastUpdate)
	l.infos.ref = l.call.e.start(l, req, l.hop(), func(_ time.Time, resp *sip.Message, err error) {
		if err == nil && resp.Status < 200 {
			return
		}
		l.infos.ref = 0
		if err != nil || resp.Status >= 300 {
			l.infos.noPicture = true
			l.call.note(l.side.String() + " takes no INFO that asks for a whole picture: it is not asked again")
		}
		if l.call.state == stRunning {
			l.nextInfo()
		}
	})
}
