package sdp

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// Accept checks the answer to an offer of ours and tells what was agreed, one entry per section of the offer. An answer that
// breaks a rule of RFC 3264 or RFC 4568 is an error as a whole: *SectionError, *NoStreamError, or *StreamError around
// *ProfileError, *KeyError, *DTLSError, *NoCodecError or *AddressError. Protection is never less than offered.
//
// In ourOffer it notes our role in DTLS and whether rtcp-mux is agreed, which the next description with it as Previous keeps, and what the peer refused, of which that
// description keeps nothing.
func Accept(ourOffer, theirAnswer *Session) ([]Agreed, error) {
	if theirAnswer == nil {
		return nil, &SectionError{"there is no session description in the answer"}
	}
	if len(theirAnswer.Media) != len(ourOffer.Media) { // RFC 3264 section 6
		return nil, &SectionError{fmt.Sprintf("the answer has %d m= sections, the offer had %d",
			len(theirAnswer.Media), len(ourOffer.Media))}
	}
	ourOffer.restore()
	theirAnswer.join(ourOffer)
	agreed := make([]Agreed, len(ourOffer.Media))
	live, tag := 0, ourOffer.tagged()
	for i := range ourOffer.Media {
		ours, theirs := &ourOffer.Media[i], &theirAnswer.Media[i]
		agreed[i] = Agreed{Kind: ours.Kind}
		if ours.Type != theirs.Type {
			return nil, &SectionError{fmt.Sprintf("section %d was offered as %s and answered as %s", i+1, ours.Type, theirs.Type)}
		}
		if ours.ended = !theirs.live(); ours.ended || !ours.live() {
			continue
		}
		a, err := ourOffer.acceptBundled(i, tag, theirs)
		if err != nil {
			return nil, &StreamError{Index: i, Type: ours.Type, Err: err}
		}
		ours.muxed = a.Mux
		if a.DTLS != nil {
			ours.role = roleFor(a.DTLS.Active)
		}
		agreed[i] = a
		live++
	}
	if live == 0 {
		return nil, &NoStreamError{What: "the answer"}
	}
	ourOffer.regrouped(theirAnswer, agreed)
	return agreed, nil
}

func acceptStream(ours, theirs *Media) (Agreed, error) {
	a := Agreed{
		Kind: ours.Kind, Enabled: true, Encryption: ours.ourEncryption(),
		// An answer may narrow the offer's direction, not widen it (RFC 3264 section 6.1).
		Direction: ours.Direction.And(theirs.Direction.Mirror()),
		Mux:       ours.RTCPMux && theirs.RTCPMux,
		Ptime:     theirs.Ptime, MaxPtime: theirs.MaxPtime, Bandwidth: relayedBandwidth(theirs.Bandwidth),
	}
	if err := acceptProfile(&a, ours, theirs); err != nil {
		return Agreed{}, err
	}
	if err := checkAddr(theirs.Addr); err != nil {
		return Agreed{}, err
	}
	a.Remote, a.RemoteRTCP = remote(theirs, a.Mux)
	var err error
	switch a.Encryption {
	case SDES:
		a.SendKey, a.RecvKey, err = acceptKey(ours, theirs)
	case DTLS:
		a.DTLS, err = ours.acceptDTLS(theirs)
	case ZRTP:
		a.ZRTP = theirs.peerHello()
		a.ZRTP.Through = ours.through
	case None:
	}
	if err != nil {
		return Agreed{}, err
	}
	ours.acceptICE(&a, theirs)
	a.Codecs = acceptCodecs(ours.Codecs, theirs.Codecs, a.AVPF)
	if ours.through {
		a.Codecs = numbersKept(a.Codecs)
	}
	if !carries(a.Codecs) {
		return Agreed{}, &NoCodecError{Theirs: names(theirs.Codecs), Ours: names(ours.Codecs)}
	}
	return a, nil
}

// acceptProfile wants the offer's profile back (RFC 3264 section 6). Only the feedback half may be missing: devices drop it; and
// some write RTP/SAVP with a fingerprint for DTLS.
func acceptProfile(a *Agreed, ours, theirs *Media) error {
	fault := &ProfileError{Theirs: theirs.Proto, Ours: ours.Proto}
	mine, _ := parseProfile(ours.Proto)
	p, known := parseProfile(theirs.Proto)
	switch {
	case !known:
		fault.Reason = "unknown"
	case mine.secure && !p.secure:
		fault.Reason = "the peer dropped the encryption, which is never accepted"
	case mine.secure != p.secure, p.dtls && !mine.dtls, mine.dtls && !p.dtls && theirs.Fingerprint == "":
		fault.Reason = "another kind of keys than offered"
	case p.feedback && !mine.feedback:
		fault.Reason = "feedback (AVPF) was not offered"
	default:
		a.AVPF = mine.feedback && p.feedback
		return nil
	}
	return fault
}

// acceptKey finds the line of ours that the answer picked, by tag and suite (RFC 4568 section 5.1.3). Some devices repeat
// lines that they did not pick: the first that fits counts.
func acceptKey(ours, theirs *Media) (send, recv Crypto, err error) {
	for _, t := range theirs.Crypto {
		for _, o := range ours.Crypto {
			if t.Tag == o.Tag && t.Suite == o.Suite {
				return o.Clone(), t.Clone(), checkEcho(ours, t)
			}
		}
	}
	fault := &KeyError{Lines: theirs.Skipped}
	for _, o := range ours.Crypto {
		fault.Offered = append(fault.Offered, fmt.Sprintf("%d %s", o.Tag, o.Suite))
	}
	for _, t := range theirs.Crypto {
		fault.Lines = append(fault.Lines, fmt.Sprintf("%d %s", t.Tag, t.Suite))
	}
	return Crypto{}, Crypto{}, fault
}

// checkEcho refuses a line whose key is in one of ours, whatever the suite: those of one family make the same keystream of it.
func checkEcho(ours *Media, theirs Crypto) error {
	for _, o := range ours.Crypto {
		if bytes.Equal(o.Key, theirs.Key) {
			return &KeyError{Echo: fmt.Sprintf("%d %s", theirs.Tag, theirs.Suite)}
		}
	}
	return nil
}

// acceptCodecs joins the answer's codecs, in its order, with the offer's. The peer sends with our numbers, we send with its
// (RFC 3264 sections 5.1 and 6.1).
func acceptCodecs(ours, theirs []Codec, avpf bool) []Codec {
	var list []Codec
	for _, t := range theirs {
		o, ok := MatchCodec(t, theirs, ours)
		fmtp := renumber(t, theirs, ours)
		if !ok {
			// Some devices answer an offered number without the parameters that tell H.264 profiles apart.
			if o, ok = byNumber(ours, t.PT); !ok || !o.alike(t) || t.Fmtp != "" {
				continue
			}
			fmtp = o.Fmtp
		}
		if _, twice := byNumber(list, o.PT); twice {
			continue
		}
		c := o
		c.Fmtp = fmtp
		c.SendPT, c.Renumbered = t.PT, t.PT != o.PT
		c.Feedback = nil
		if avpf {
			c.Feedback = feedback(o.Feedback, t.Feedback)
		}
		list = append(list, c)
	}
	return list
}

// remote is where a section wants its packets. A hold by 0.0.0.0, or an ICE default, leaves both invalid.
func remote(m *Media, mux bool) (rtp, rtcp netip.AddrPort) {
	if m.Addr.IsUnspecified() {
		return rtp, rtcp
	}
	rtp = netip.AddrPortFrom(m.Addr, m.Port)
	switch {
	case mux:
		rtcp = rtp
	case m.RTCP.IsValid() && checkAddr(m.RTCP.Addr()) == nil && !m.RTCP.Addr().IsUnspecified():
		rtcp = m.RTCP
	case m.Port < 65535:
		rtcp = netip.AddrPortFrom(m.Addr, m.Port+1)
	}
	return rtp, rtcp
}

// String is one line for a log; no key.
func (a Agreed) String() string {
	if !a.Enabled {
		return a.Kind.String() + " off"
	}
	to := "nowhere"
	if a.Remote.IsValid() {
		to = a.Remote.String()
	}
	s := fmt.Sprintf("%s %s %s %s", a.Kind, a.Encryption, to, a.Direction)
	if a.Encryption == SDES {
		s += " " + a.SendKey.Suite.String()
	}
	if a.DTLS != nil {
		s += " " + a.DTLS.String()
	}
	if a.ZRTP != nil {
		s += " " + a.ZRTP.String()
	}
	var list []string
	for _, c := range a.Codecs {
		list = append(list, c.String())
	}
	return s + " " + strings.Join(list, ",")
}
