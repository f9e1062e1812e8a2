package endpoint

import "time"

// State of a call as its user sees it.
type State string

// States in the order in which a call can go through them.
const (
	Calling    State = "calling"     // INVITE sent, nothing but 100 came
	Incoming   State = "incoming"    // INVITE received, nothing but 100 sent
	Ringing    State = "ringing"     // 180, or 18x without SDP, sent or received
	EarlyMedia State = "early-media" // 18x with SDP sent or received
	Answered   State = "answered"    // callee: 200 sent, ACK not yet received
	Running    State = "running"     // 200 and ACK exchanged, media set up
	Released   State = "released"    // over, whatever the way
)

// Summary tells exactly what happened on one call, from this phone's end. It is a copy: later events do not change it.
type Summary struct {
	Phone     string `json:"phone"`
	Direction string `json:"direction"` // "outgoing", "incoming"
	Peer      string `json:"peer"`      // URI of the other party as this leg names it
	CallID    string `json:"call_id"`
	State     State  `json:"state"`
	Status    int    `json:"status,omitempty"`    // last status received or sent for the initial INVITE
	Phrase    string `json:"phrase,omitempty"`    // its reason phrase
	EndedBy   string `json:"ended_by,omitempty"`  // "local", "remote", "transport"
	EndCause  string `json:"end_cause,omitempty"` // "bye", "cancel", "declined", "refused", "timeout", or an error text
	Reason    string `json:"reason,omitempty"`    // Reason header of the BYE or CANCEL received (RFC 3326)

	Setup      time.Duration `json:"setup_ns"` // INVITE to 200
	Ringing    bool          `json:"ringing"`  // was ever ringing
	Early      bool          `json:"early"`    // had early media
	Reinvites  int           `json:"reinvites"`
	Reanswered int           `json:"reinvites_received"`

	Infos        string `json:"infos,omitempty"` // digits received as INFO, in order
	InfosRefused int    `json:"infos_refused,omitempty"`
	PictureInfos int    `json:"picture_infos,omitempty"` // INFOs that ask for a whole picture (RFC 5168)

	Streams []StreamSummary `json:"streams"` // in the order of the m-lines; empty until something was negotiated
}

// SAS is the short authentication string of the call's ZRTP, empty: there is none.
func (s Summary) SAS() string {
	for _, m := range s.Streams {
		if m.ZRTP != nil && m.ZRTP.SAS != "" {
			return m.ZRTP.SAS
		}
	}
	return ""
}

// Audio is the first enabled audio stream, or the zero value.
func (s Summary) Audio() StreamSummary { return s.first("audio") }

// Video is the first enabled video stream, or the zero value.
func (s Summary) Video() StreamSummary { return s.first("video") }

func (s Summary) first(kind string) StreamSummary {
	for _, m := range s.Streams {
		if m.Kind == kind && m.Enabled {
			return m
		}
	}
	return StreamSummary{}
}

// StreamSummary is one m-line after negotiation with what was sent and received on it.
type StreamSummary struct {
	Kind       string `json:"kind"` // "audio", "video", or the foreign type
	Enabled    bool   `json:"enabled"`
	Profile    string `json:"profile"`         // "RTP/AVP", "RTP/SAVP", …
	Encryption string `json:"encryption"`      // "none", "sdes", "dtls-srtp", "zrtp"
	Suite      string `json:"suite,omitempty"` // of SRTP in use, SDP name; of DTLS and ZRTP once there are keys
	Codec      string `json:"codec"`           // "PCMU/8000": what this phone sends
	PT         uint8  `json:"pt"`
	Direction  string `json:"direction"` // this phone's own
	Local      string `json:"local"`
	Remote     string `json:"remote"`

	Sent         uint64        `json:"sent"`     // packets
	Received     uint64        `json:"received"` // packets accepted (authenticated, in the negotiated codec)
	ReceivedFrom string        `json:"received_from,omitempty"`
	Lost         uint64        `json:"lost"` // by sequence number
	LossPercent  float64       `json:"loss_percent"`
	Reordered    uint64        `json:"reordered"`
	Duplicates   uint64        `json:"duplicates"`
	Jitter       time.Duration `json:"jitter_ns"`            // RFC 3550 section 6.4.1
	Refused      uint64        `json:"refused"`              // not authentic, in clear on an encrypted stream, or encrypted on a clear one
	RTCP         uint64        `json:"rtcp"`                 // reports received
	SSRCs        int           `json:"ssrcs"`                // different ones received
	SSRC         uint32        `json:"ssrc"`                 // our own
	HeardSSRC    uint32        `json:"heard_ssrc,omitempty"` // of the last packet
	Events       string        `json:"events,omitempty"`
	Pictures     int           `json:"pictures,omitempty"`   // PLI and FIR received
	Feedback     int           `json:"feedback,omitempty"`   // RTCP feedback packets received, those among them
	Nacked       int           `json:"nacked,omitempty"`     // packets of ours that the other side asked for again
	PeerKeys     int           `json:"peer_keys,omitempty"`  // of SDES that the peer gave, one after the other
	Handshakes   int           `json:"handshakes,omitempty"` // of DTLS or ZRTP, completed
	ZRTP         *ZRTPSummary  `json:"zrtp,omitempty"`       // nil: another encryption
	Fault        string        `json:"fault,omitempty"`      // why there are no keys of DTLS or ZRTP

	Path       string   `json:"path,omitempty"`        // nominated by ICE
	Agents     int      `json:"agents,omitempty"`      // of ICE: one, and one for each restart
	Strays     uint64   `json:"strays,omitempty"`      // packets that came on another network than the nominated one
	Consents   uint64   `json:"consents,omitempty"`    // checks answered after the nomination
	Candidates []string `json:"candidates,omitempty"`  // addresses that the peer's description lists
	ICERefused int      `json:"ice_refused,omitempty"` // code of the newest refusal of a check

	ToneSent  float64 `json:"tone_sent"`       // Hz
	ToneHeard float64 `json:"tone_heard"`      // Hz, 0: none
	Certainty float64 `json:"tone_confidence"` // 0..1: share of the energy that the tone holds, over the last second
	MOS       float64 `json:"mos"`             // estimate 1..4.5 (G.107 simplified); 0: nothing received
}
