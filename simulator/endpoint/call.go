package endpoint

import (
	"slices"
	"strings"
	"time"

	"b2bua/core/dialog"
	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/media/sdp"
	"b2bua/simulator/capture"
	"b2bua/simulator/stream"
)

// Call is one call of a phone, incoming or outgoing. The fields are guarded by Phone.mu; signalling touches them on the loop.
type Call struct {
	phone    *Phone
	incoming bool
	callID   string
	localTag string
	tx       transport.TxID // of the initial INVITE, either side
	invite   *sip.Message
	dialog   *dialog.Dialog // nil: none yet
	begun    time.Time
	opts     CallOptions

	want      wish         // what this side wants now
	offer     *sdp.Session // the offer under negotiation or in force: ours or the peer's
	local     *sdp.Session // our last description
	ours      bool         // offer was ours
	offering  bool         // one of ours in mid-call waits for its answer
	owesSDP   bool         // our offer was in a 2xx: the answer comes in the ACK
	agreed    []sdp.Agreed
	peer      *sdp.Session     // its newest description that was applied
	streams   []*stream.Stream // by m-line; nil: none
	bundle    bundle
	leg       *stream.Leg     // of ZRTP; nil: not used so far
	former    []*stream.Leg   // that were replaced by it
	early     bool            // a description was exchanged before the answer
	provReady bool            // a provisional response came: CANCEL may go
	cancel    bool            // we want it cancelled
	reTx      transport.TxID  // server transaction of a re-INVITE whose ACK is awaited
	forked    map[string]bool // To tags of further 2xx that were released

	sum Summary
}

func (p *Phone) newCall(incoming bool, invite *sip.Message, tag string, now time.Time) *Call {
	c := &Call{phone: p, incoming: incoming, callID: invite.CallID, localTag: tag, invite: invite, begun: now, forked: map[string]bool{}}
	c.sum = Summary{Phone: p.cfg.Name, Direction: "outgoing", Peer: invite.To.URI.String(), CallID: invite.CallID, State: Calling}
	if incoming {
		c.sum.Direction, c.sum.Peer, c.sum.State = "incoming", invite.From.URI.String(), Incoming
	}
	p.calls = append(p.calls, c)
	return c
}

// Phone that the call belongs to.
func (c *Call) Phone() *Phone { return c.phone }

// Incoming tells who called whom.
func (c *Call) Incoming() bool { return c.incoming }

// Invite is the initial INVITE as sent or received.
func (c *Call) Invite() capture.Message {
	branch := ""
	if c.incoming && len(c.invite.Via) > 0 { // forks share the Call-ID
		branch, _ = c.invite.Via[0].Params.Get("branch")
	}
	for _, m := range c.Messages() {
		if m.IsRequest() && m.Method() == "INVITE" && strings.Contains(m.Header("Via"), branch) {
			return m
		}
	}
	return capture.Message{}
}

// Messages of this call's dialog(s) at this phone, oldest first.
func (c *Call) Messages() []capture.Message {
	return slices.DeleteFunc(c.phone.Messages(), func(m capture.Message) bool { return m.Header("Call-ID") != c.callID })
}

// State now.
func (c *Call) State() State {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	return c.sum.State
}

// Summary of what was negotiated and counted so far.
func (c *Call) Summary() Summary {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	return c.summary()
}

func (c *Call) summary() Summary {
	s := c.sum
	s.Streams = nil
	for i, a := range c.agreed {
		m := StreamSummary{Kind: kindName(a.Kind), Enabled: a.Enabled, ToneSent: c.phone.cfg.Tone}
		if a.Kind == sdp.Other {
			m.Kind = "other"
		}
		if c.local != nil && i < len(c.local.Media) {
			m.Kind, m.Profile = c.local.Media[i].Type, c.local.Media[i].Proto
		}
		if a.Enabled {
			m.describe(a)
		}
		if i < len(c.streams) && c.streams[i] != nil {
			m.count(c.streams[i].Stats())
			m.Candidates = c.candidates(i)
		}
		s.Streams = append(s.Streams, m)
	}
	return s
}

func (m *StreamSummary) describe(a sdp.Agreed) {
	m.Encryption, m.Direction, m.Remote = a.Encryption.String(), a.Direction.String(), a.Remote.String()
	if a.Encryption == sdp.SDES {
		m.Suite = a.SendKey.Suite.String()
	}
	if len(a.Codecs) > 0 {
		m.Codec, m.PT = codecName(a.Codecs[0]), a.Codecs[0].SendNumber()
	}
}

func (m *StreamSummary) count(st stream.Stats) {
	m.Local, m.Sent, m.Received, m.Refused = st.Local.String(), st.Sent, st.Received, st.Refused
	m.Lost, m.LossPercent, m.Reordered, m.Duplicates, m.Jitter = st.Lost, 100*st.Loss, st.Reordered, st.Duplicates, st.Jitter
	m.SSRC, m.HeardSSRC = st.SSRC, st.HeardSSRC
	m.Handshakes, m.Fault = st.Handshakes, st.Fault
	m.Pictures, m.Feedback, m.Nacked = st.Pictures, st.Feedback, st.Nacked
	m.PeerKeys = st.PeerKeys
	if st.Path.IsValid() {
		m.Path = st.Path.String()
	}
	m.Strays = st.Strays
	m.Agents, m.Consents, m.ICERefused = st.Agents, st.ICE.Consents, st.ICE.Refused
	if m.Encryption == sdp.ZRTP.String() {
		m.ZRTP = summarize(st.ZRTP)
	}
	if (m.Encryption == sdp.DTLS.String() || m.Encryption == sdp.ZRTP.String()) && st.Suite != sdp.NoSuite {
		m.Suite = st.Suite.String()
	}
	m.RTCP, m.SSRCs, m.Events, m.MOS = st.RTCP, st.SSRCs, st.Events, st.MOS
	m.ToneHeard, m.Certainty = st.Heard.Hertz, st.Heard.Confidence
	if m.Certainty < 0.2 { // noise, or the first moments of a tone
		m.ToneHeard = 0
	}
	if st.From.IsValid() {
		m.ReceivedFrom = st.From.String()
	}
}

// release ends the call for its user; whoever calls it has sent what had to be sent.
func (c *Call) release(by, cause string) {
	if c.sum.State == Released {
		return
	}
	c.sum.State, c.sum.EndedBy, c.sum.EndCause = Released, by, cause
	if len(c.streams) > 0 {
		go c.closeStreams() // it waits for the streams' goroutines, which may wait for the lock held here
	}
}

// closeStreams ends the media and waits for that. Called without locks.
func (c *Call) closeStreams() {
	c.phone.mu.Lock()
	streams, legs := slices.Clone(c.streams), slices.Clone(c.former)
	if c.leg != nil {
		legs = append(legs, c.leg)
	}
	c.phone.mu.Unlock()
	for _, s := range streams {
		if s != nil {
			s.Close()
		}
	}
	for _, l := range legs {
		l.Close()
	}
}

// status notes a response to the initial INVITE.
func (c *Call) status(status int, phrase string) {
	if phrase == "" {
		phrase = sip.ReasonPhrase(status)
	}
	c.sum.Status, c.sum.Phrase = status, phrase
}

// become moves on, never back and never out of Released.
func (c *Call) become(s State) {
	order := []State{Calling, Incoming, Ringing, EarlyMedia, Answered, Running, Released}
	if c.sum.State != Released && slices.Index(order, s) > slices.Index(order, c.sum.State) {
		c.sum.State = s
	}
	c.sum.Ringing = c.sum.Ringing || s == Ringing
	c.sum.Early = c.sum.Early || s == EarlyMedia
}

// connected notes the moment of the 200.
func (c *Call) connected(now time.Time, s State) {
	if c.sum.Setup == 0 {
		c.sum.Setup = now.Sub(c.begun)
	}
	c.become(s)
}

// hop leads requests of the dialog to their first route.
func (c *Call) hop() transport.NextHop { return transport.NextHop{URI: c.dialog.NextHop()} }

// bye sends BYE and does not care for its answer.
func (c *Call) bye(headers []Header) {
	if c.dialog == nil {
		return
	}
	req := c.dialog.Request(sip.BYE)
	if addHeaders(req, headers) != nil {
		req = c.dialog.Request(sip.BYE)
	}
	c.phone.request(req, c.hop(), pending{response: func(time.Time, *sip.Message) {}, failure: func(time.Time, error) {}})
}
