package call

import (
	"strings"

	"b2bua/core/event"
	"b2bua/core/sip"
)

// elsewhere is for how many seconds a balancer that asks by OPTIONS leaves a server alone that is stopping; the next one may run soon.
const elsewhere = "30"

// stray answers a request that belongs to no call (spec 2.2).
func (e *Engine) stray(tx TxID, req *sip.Message, from Source) {
	if req.Method == sip.ACK {
		return
	}
	status, why := strayStatus(req)
	if req.Method == sip.OPTIONS && e.closing != "" {
		status, why = 503, e.closing+": whoever asks shall send its calls elsewhere"
	}
	var headers []sip.Header
	switch status {
	case 405:
		headers = []sip.Header{{Name: "Allow", Value: e.allow()}}
	case 503: // RFC 3261 section 21.5.4
		headers = []sip.Header{{Name: "Retry-After", Value: elsewhere}}
	case 489: // RFC 6665 section 4.2.1.1
		headers = []sip.Header{{Name: "Allow-Events", Value: ""}}
	case 200:
		if req.Method == sip.OPTIONS {
			headers = []sip.Header{{Name: "Allow", Value: e.allow()}, {Name: "Accept", Value: sdpType}, {Name: "Supported", Value: replacesTag}}
		}
	}
	tag := ""
	if req.To.Tag() == "" {
		tag = e.tag(from)
	}
	e.tell(event.Stray{
		Method: string(req.Method), From: req.From.URI.Redacted(), To: req.To.URI.Redacted(), Peer: from.Peer.String(), Status: status, Why: why,
	})
	e.respond(tx, req, status, "", tag, headers...)
}

func strayStatus(req *sip.Message) (status int, why string) {
	pkg, hasEvent := req.Header("Event")
	inDialog := req.To.Tag() != ""
	switch req.Method { //nolint:exhaustive // unknown methods get 405
	case sip.OPTIONS:
		return 200, "OPTIONS is answered for any target"
	case sip.BYE, sip.INFO, sip.CANCEL, sip.UPDATE, sip.PRACK:
		return 481, "no such dialog or transaction"
	case sip.INVITE:
		return 481, "the To tag belongs to no dialog"
	case sip.NOTIFY:
		switch {
		case inDialog:
			return 481, "the To tag belongs to no dialog"
		case hasEvent:
			return 200, "unsolicited NOTIFY"
		}
		return 405, "NOTIFY without Event"
	case sip.SUBSCRIBE:
		name, _, _ := strings.Cut(pkg, ";")
		switch {
		case inDialog:
			return 481, "the To tag belongs to no dialog"
		case !hasEvent:
			return 405, "SUBSCRIBE without Event"
		case strings.EqualFold(strings.TrimSpace(name), "presence"):
			return 489, "presence is not bridged"
		}
		return 488, "subscriptions are not bridged"
	default:
		if inDialog {
			return 481, "the To tag belongs to no dialog"
		}
		return 405, "method not supported outside a call"
	}
}
