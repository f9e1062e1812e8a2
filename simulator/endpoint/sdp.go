package endpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"b2bua/media/sdes"
	"b2bua/media/sdp"
	"b2bua/simulator/stream"
)

// wish is Media with its words understood.
type wish struct {
	encryption sdp.Encryption
	suites     []sdp.Suite
	accept     []sdp.Encryption
	audio      []sdp.Codec
	video      []sdp.Codec
	direction  sdp.Direction
	avpf, mux  bool
	bundle     string
	noAVPF     bool
	ice        bool
	setup      string
	profile    string
	fault      string
	identity   *stream.Identity // shown in DTLS
	shown      sdp.Fingerprint  // written into descriptions
	profiles   []sdp.Suite      // of DTLS
	zrtp       ZRTP
}

func parseMedia(m Media) (w wish, err error) {
	w.avpf, w.noAVPF, w.mux, w.ice = m.AVPF, m.NoAVPF, m.RTCPMux, m.ICE
	if w.encryption, err = parseEncryption(m.Encryption); err != nil {
		return w, err
	}
	for _, name := range m.Suites {
		s, err := sdp.ParseSuite(name)
		if err != nil {
			return w, fmt.Errorf("media: %w", err)
		}
		w.suites = append(w.suites, s)
	}
	w.profiles = w.suites
	if len(w.suites) == 0 {
		w.suites = sdp.DefaultSuites
	}
	if w.setup = m.Setup; !slices.Contains([]string{"", "actpass", "active", "passive"}, m.Setup) {
		return w, fmt.Errorf("media: setup %q: write actpass, active or passive", m.Setup)
	}
	if w.bundle = m.Bundle; !slices.Contains([]string{"", BundleBalanced, BundleMax}, m.Bundle) {
		return w, fmt.Errorf("media: bundle %q: write %s or %s", m.Bundle, BundleBalanced, BundleMax)
	}
	w.mux = w.mux || w.bundle != ""
	if w.fault = m.Fault; !slices.Contains(faults, m.Fault) {
		return w, fmt.Errorf("media: fault %q: write one of %s", m.Fault, strings.Join(faults[1:], ", "))
	}
	w.profile, w.zrtp = m.Profile, m.ZRTP
	if _, err := m.ZRTP.lists(); err != nil {
		return w, err
	}
	w.accept = []sdp.Encryption{w.encryption}
	for i, name := range m.Accept {
		if name == "any" {
			w.accept = []sdp.Encryption{sdp.None, sdp.SDES, sdp.DTLS, sdp.ZRTP}
			break
		}
		e, err := parseEncryption(name)
		if err != nil {
			return w, err
		}
		w.accept = append(w.accept[:i], e)
	}
	if m.Audio == nil {
		m.Audio = []string{"PCMU/8000", "PCMA/8000", "telephone-event/8000"}
	}
	next := uint8(96)
	if w.audio, err = parseCodecs(m.Audio, &next); err != nil {
		return w, err
	}
	if w.video, err = parseCodecs(m.Video, &next); err != nil {
		return w, err
	}
	w.direction, err = parseDirection(m.Direction)
	return w, err
}

var faults = []string{"", FaultFingerprint, FaultSilent, FaultKey, FaultRenewed, FaultReplaced, FaultICE, FaultRestart, FaultNoHash, FaultWrongHash, FaultMute, FaultForge, FaultNoMID, FaultWrongMID}

func parseEncryption(s string) (sdp.Encryption, error) {
	switch s {
	case "", "none":
		return sdp.None, nil
	case "sdes":
		return sdp.SDES, nil
	case "dtls-srtp", "dtls":
		return sdp.DTLS, nil
	case "zrtp":
		return sdp.ZRTP, nil
	}
	return sdp.None, fmt.Errorf("media: encryption %q: this phone knows none, sdes, dtls-srtp and zrtp", s)
}

func parseDirection(s string) (sdp.Direction, error) {
	if s == "" {
		return sdp.SendRecv, nil
	}
	for _, d := range []sdp.Direction{sdp.SendRecv, sdp.SendOnly, sdp.RecvOnly, sdp.Inactive} {
		if d.String() == s {
			return d, nil
		}
	}
	return sdp.SendRecv, fmt.Errorf("media: direction %q: write sendrecv, sendonly, recvonly or inactive", s)
}

// parseCodecs reads "name/rate[/channels]" and numbers what has no static payload type (RFC 3551 section 6).
func parseCodecs(names []string, next *uint8) ([]sdp.Codec, error) {
	var out []sdp.Codec
	for _, name := range names {
		part := strings.Split(name, "/")
		c := sdp.Codec{Name: part[0]}
		var err error
		if len(part) > 1 {
			c.Rate, err = strconv.Atoi(part[1])
		}
		if len(part) > 2 && err == nil {
			c.Channels, err = strconv.Atoi(part[2])
		}
		if err != nil || len(part) < 2 || len(part) > 3 || c.Rate <= 0 {
			return nil, fmt.Errorf("media: codec %q: write name/rate or name/rate/channels", name)
		}
		switch strings.ToLower(c.Name) {
		case "pcmu":
			c.PT = 0
		case "pcma":
			c.PT = 8
		case "telephone-event":
			c.PT, c.Fmtp = 101, "0-15"
		default:
			c.PT = *next
			*next++
		}
		out = append(out, c)
	}
	return out, nil
}

func codecName(c sdp.Codec) string {
	s := fmt.Sprintf("%s/%d", c.Name, c.Rate)
	if c.Channels > 1 {
		s += fmt.Sprintf("/%d", c.Channels)
	}
	return s
}

func (w wish) proto() string {
	s := "RTP/AVP"
	switch {
	case w.profile != "":
		return w.profile
	case w.encryption == sdp.SDES:
		s = "RTP/SAVP"
	case w.encryption == sdp.DTLS:
		s = "UDP/TLS/RTP/SAVP"
	}
	if w.avpf {
		s += "F"
	}
	return s
}

func (w wish) codecs(k sdp.Kind) []sdp.Codec {
	if k == sdp.Video {
		return w.video
	}
	return w.audio
}

// line is an m-line of an offer for one kind; keys of an earlier offer with the same suite are kept, so that a re-INVITE does not
// change what needs no change.
func (w wish) line(k sdp.Kind, at sdp.Ports, before *sdp.Media, random io.Reader) (sdp.Media, error) {
	m := sdp.Media{
		Kind: k, Type: kindName(k), Port: at.RTP, Addr: at.Addr, Proto: w.proto(), Direction: w.direction,
		Codecs: slices.Clone(w.codecs(k)), RTCPMux: w.mux,
	}
	if k == sdp.Audio {
		m.Ptime = 20
	}
	for i := range m.Codecs {
		m.Codecs[i].Feedback = w.feedback(k)
	}
	if w.encryption == sdp.DTLS {
		m.Fingerprint, m.Setup = w.shown.String(), cmp.Or(w.setup, "actpass")
	}
	if w.encryption != sdp.SDES {
		return m, nil
	}
	for i, s := range w.suites {
		c, err := sdes.New(i+1, s, random)
		if err != nil {
			return m, fmt.Errorf("media: %w", err)
		}
		if before != nil && w.fault != FaultRenewed {
			for _, old := range before.Crypto {
				if old.Suite == s {
					c.Key = old.Key.Clone()
				}
			}
		}
		m.Crypto = append(m.Crypto, c)
	}
	return m, nil
}

func kindName(k sdp.Kind) string {
	if k == sdp.Video {
		return "video"
	}
	return "audio"
}

var errNothingCommon = errors.New("the offer has no stream that this phone takes")

// answerLine decides on one offered m-line. Not taken: port 0 in the answer, Enabled false in what was agreed, and why.
func (w wish) answerLine(offered *sdp.Media, at sdp.Ports, before *sdp.Media, random io.Reader) (sdp.Media, sdp.Agreed, error) {
	m := sdp.Media{Kind: offered.Kind, Type: offered.Type, Proto: offered.Proto, Addr: at.Addr, Codecs: offered.Codecs, Formats: offered.Formats}
	a := sdp.Agreed{Kind: offered.Kind}
	if offered.Kind == sdp.Other || offered.Port == 0 {
		return m, a, nil
	}
	avpf := strings.HasSuffix(offered.Proto, "F")
	if avpf && w.noAVPF {
		return m, a, fmt.Errorf("%s: %s is offered, and this phone has no feedback", m.Type, offered.Proto)
	}
	a.AVPF = avpf && w.avpf
	codecs := w.common(offered, a.AVPF)
	if len(codecs) == 0 {
		return m, a, fmt.Errorf("%s: no codec in common", m.Type)
	}
	e := offered.Encryption()
	switch {
	case w.begins(e):
		e = sdp.ZRTP
	case e == sdp.ZRTP && !slices.Contains(w.accept, e): // to who doesn't know ZRTP this is a plain stream with an attribute more
		e = sdp.None
	}
	if !slices.Contains(w.accept, e) {
		return m, a, fmt.Errorf("%s: %s is offered, which this phone does not take", m.Type, e)
	}
	a.Encryption = e
	if e == sdp.SDES {
		i := slices.IndexFunc(offered.Crypto, func(c sdp.Crypto) bool { return slices.Contains(w.suites, c.Suite) })
		if i < 0 {
			return m, a, fmt.Errorf("%s: no SRTP suite in common", m.Type)
		}
		key, err := sdes.New(offered.Crypto[i].Tag, offered.Crypto[i].Suite, random)
		if err != nil {
			return m, a, fmt.Errorf("media: %w", err)
		}
		if before != nil && len(before.Crypto) > 0 && before.Crypto[0].Suite == key.Suite {
			key.Key = before.Crypto[0].Key.Clone()
		}
		m.Crypto, a.SendKey, a.RecvKey = []sdp.Crypto{key}, key, offered.Crypto[i]
	}
	if e == sdp.DTLS {
		var err error
		if a.DTLS, err = w.role(offered); err != nil {
			return m, sdp.Agreed{Kind: offered.Kind}, err
		}
		m.Fingerprint, m.Setup = w.shown.String(), a.DTLS.String()
	}
	a.Enabled, a.Codecs, a.Mux = true, codecs, offered.RTCPMux && w.mux
	a.Direction = offered.Direction.Mirror().And(w.direction)
	a.Remote, a.RemoteRTCP = remote(offered)
	m.Port, m.Codecs, m.Direction, m.RTCPMux, m.Formats = at.RTP, codecs, a.Direction, a.Mux, nil
	if m.Kind == sdp.Audio {
		m.Ptime = 20
	}
	return m, a, nil
}

// begins tells whether this phone has ZRTP on a stream whose descriptions do not mention it.
func (w wish) begins(described sdp.Encryption) bool {
	return described == sdp.None && w.encryption == sdp.ZRTP && w.fault == FaultNoHash
}

// role answers an offer of DTLS: ours is what is left, and what we like where there is a choice (RFC 5763 section 5).
func (w wish) role(offered *sdp.Media) (*sdp.DTLSParams, error) {
	f, err := sdp.ParseFingerprint(offered.Fingerprint)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", offered.Type, err)
	}
	p := &sdp.DTLSParams{Fingerprint: f}
	switch offered.Setup {
	case "passive":
		p.Active = true
	case "actpass":
		p.Active = w.setup != "passive"
	}
	return p, nil
}

// remote is where a section wants its packets (RFC 3264, RFC 3605).
func remote(m *sdp.Media) (rtp, rtcp netip.AddrPort) {
	if !m.Addr.IsValid() || m.Addr.IsUnspecified() {
		return rtp, rtcp
	}
	rtp = netip.AddrPortFrom(m.Addr, m.Port)
	if rtcp = m.RTCP; !rtcp.IsValid() && m.Port < 65535 {
		rtcp = netip.AddrPortFrom(m.Addr, m.Port+1)
	}
	return rtp, rtcp
}

// feedback is what a phone with AVPF does for one kind (RFC 4585 section 4.2, RFC 5104 section 7.1).
func (w wish) feedback(k sdp.Kind) []string {
	if !w.avpf || k != sdp.Video {
		return nil
	}
	return []string{"nack", "nack pli", "ccm fir"}
}

// common are the offered codecs that we have, with the offer's numbers and in its order (RFC 3264 section 6.1).
func (w wish) common(m *sdp.Media, avpf bool) []sdp.Codec {
	offered, ours, feedback := m.Codecs, w.codecs(m.Kind), []string(nil)
	if avpf {
		feedback = w.feedback(m.Kind)
	}
	var out []sdp.Codec
	carries := false
	for _, c := range offered {
		i := slices.IndexFunc(ours, func(o sdp.Codec) bool {
			return strings.EqualFold(o.Name, c.Name) && o.Rate == c.Rate && max(o.Channels, 1) == max(c.Channels, 1)
		})
		if i >= 0 {
			c.Feedback = slices.DeleteFunc(slices.Clone(c.Feedback), func(v string) bool { return !slices.Contains(feedback, v) })
			out = append(out, c)
			carries = carries || !strings.EqualFold(c.Name, "telephone-event")
		}
	}
	if !carries {
		return nil
	}
	return out
}
