package ice

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// Codes of error responses (RFC 8489 section 14.8, RFC 8445 section 7.3.1.1).
const (
	codeBadRequest      = 400
	codeUnauthenticated = 401
	codeUnknown         = 420
	codeRoleConflict    = 487
)

// strange is no code: the request shows no user name of ours, and gets no answer. RFC 8489 section 9.1.3 wants 400 and 401, but
// who forges a source could have more sent there than he spends; a peer with our description has the name.
const strange = -1

var reasons = map[int]string{
	codeBadRequest: "Bad Request", codeUnauthenticated: "Unauthenticated", codeUnknown: "Unknown Attribute", codeRoleConflict: "Role Conflict",
}

// scratch is the memory of one request and its response, so that a check allocates nothing.
type scratch struct {
	request  stun.Message
	response stun.Message
	value    [128]byte
}

var pool = sync.Pool{New: func() any {
	s := new(scratch)
	s.request.Raw = make([]byte, 0, maxMessage+64) // the library writes a sum behind the message
	s.response.Raw = make([]byte, 0, 512)
	return s
}}

// request is what matters of a check.
type request struct {
	ufrag     []byte // ours
	peer      []byte // the other half of the user name
	named     bool   // there are two
	integrity bool
	unknown   []byte // types, two octets each
	conflict  bool   // the peer believes to be controlled, too
	nominates bool
	priority  uint32
}

// Handle answers one STUN datagram that came to the port of a component. The response is appended to out, which may be nil; an empty
// one: nothing is to be sent. What is no check is dropped without a word: indications are keep-alives (RFC 8445 section 11), and
// there is no request of ours that a response could be for.
func (a *Agent) Handle(now time.Time, c Component, from netip.AddrPort, b, out []byte) ([]byte, Result) {
	if len(b) > maxMessage || !IsRequest(b) {
		return out, Result{}
	}
	s := pool.Get().(*scratch)
	defer pool.Put(s)
	m := &s.request
	if _, err := m.Write(b); err != nil || int(m.Length) != len(b)-headerSize || !s.intact() {
		return out, Result{}
	}
	r := s.read()
	code, pwd, current := a.judge(c, &r, m)
	switch code {
	case 0:
		s.succeed(from, pwd)
	case strange:
		return out, Result{}
	default:
		s.fail(code, r.unknown, pwd)
	}
	out = append(out, s.response.Raw...)
	if code != 0 {
		return out, Result{}
	}
	if current && !a.present(r.peer) {
		return out, Result{}
	}
	res := Result{Checked: true, Former: !current}
	if !res.Former && !a.params.PeerLite && (r.nominates || a.waited(now, c, from)) {
		res.Selected = a.nominate(now, c, from, a.rank(c, from, r.priority))
	}
	return out, res
}

// headerSize of a STUN message, octets (RFC 8489 section 5).
const headerSize = 20

// IsRequest tells whether a datagram looks like a Binding request (RFC 8489 section 5).
func IsRequest(b []byte) bool {
	return len(b) >= headerSize && len(b)%4 == 0 && b[0] == 0 && b[1] == 1 && binary.BigEndian.Uint32(b[4:]) == 0x2112A442
}

// intact checks FINGERPRINT, which is the last attribute (RFC 8489 section 14.7). RFC 8445 section 7.1 wants one; a request without is taken by
// its integrity alone.
func (s *scratch) intact() bool {
	list := s.request.Attributes
	for i := range list {
		if list[i].Type == stun.AttrFingerprint {
			return i == len(list)-1 && stun.Fingerprint.Check(&s.request) == nil
		}
	}
	return true
}

// read takes what is before MESSAGE-INTEGRITY: nothing behind it is protected (RFC 8489 section 14.5).
func (s *scratch) read() request {
	var r request
	r.unknown = s.value[:0]
	for i := range s.request.Attributes {
		at := &s.request.Attributes[i]
		switch at.Type { //nolint:exhaustive // there are some 40 more, which the default sorts
		case stun.AttrMessageIntegrity:
			r.integrity = len(at.Value) == 20
			return r
		case stun.AttrUsername:
			r.ufrag, r.peer, r.named = bytes.Cut(at.Value, []byte{':'})
		case stun.AttrPriority:
			if len(at.Value) == 4 {
				r.priority = binary.BigEndian.Uint32(at.Value)
			}
		case stun.AttrUseCandidate:
			r.nominates = true
		case stun.AttrICEControlled:
			r.conflict = true
		case stun.AttrMappedAddress, stun.AttrErrorCode, stun.AttrUnknownAttributes, stun.AttrRealm, stun.AttrNonce,
			stun.AttrXORMappedAddress, stun.AttrMessageIntegritySHA256, stun.AttrPasswordAlgorithm, stun.AttrUserhash:
			// of RFC 8489, and without a meaning in a check
		default:
			if at.Type.Required() && len(r.unknown) < 2*maxUnknown {
				r.unknown = binary.BigEndian.AppendUint16(r.unknown, at.Type.Value())
			}
		}
	}
	return r
}

// judge is RFC 8489 sections 9.1.3 and 6.3.1, then RFC 8445 section 7.3.1.1. Code 0: the check succeeds.
func (a *Agent) judge(c Component, r *request, m *stun.Message) (code int, pwd Secret, current bool) {
	switch { // the half behind the colon is the peer's, whose description may come later than its checks
	case !a.knows(r.ufrag):
		return strange, nil, false
	case !r.integrity:
		return codeBadRequest, nil, false
	}
	if pwd, current = a.password(c, r.ufrag); !r.named || pwd == nil {
		return codeUnauthenticated, nil, false
	}
	if stun.MessageIntegrity(pwd).Check(m) != nil {
		return codeUnauthenticated, nil, false
	}
	switch {
	case len(r.unknown) > 0:
		code = codeUnknown
	case r.conflict && !a.params.PeerLite:
		code = codeRoleConflict // a lite agent is the controlled one, and cannot switch (RFC 8445 section 6.1.1)
	}
	return code, pwd, current
}

// present tells whether an authentic check is the present peer's. Other names count until one is heard that the peer's description has: an
// agent may write something else than RFC 8445 section 7.2.2 wants.
func (a *Agent) present(peer []byte) bool {
	if a.params.Peer == "" || string(peer) != a.params.Peer {
		return !a.proper
	}
	if !a.proper {
		a.proper, a.votes = true, [2]votes{}
		for i := range a.pairs { // perhaps by another phone
			a.pairs[i].outdated = true
		}
	}
	return true
}

// start begins a response to the request.
func (s *scratch) start(class stun.MessageClass) *stun.Message {
	m := &s.response
	m.Reset()
	m.TransactionID = s.request.TransactionID
	m.Type = stun.NewType(stun.MethodBinding, class)
	m.WriteHeader()
	return m
}

func (s *scratch) succeed(to netip.AddrPort, pwd Secret) {
	m := s.start(stun.ClassSuccessResponse)
	m.Add(stun.AttrXORMappedAddress, s.mapped(to))
	s.seal(m, pwd)
}

// mapped is the value of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
func (s *scratch) mapped(to netip.AddrPort) []byte {
	mask := s.request.Raw[4:headerSize] // magic cookie and transaction id
	v := append(s.value[:0], 0, 1)
	v = binary.BigEndian.AppendUint16(v, to.Port()^binary.BigEndian.Uint16(mask))
	if to.Addr().Is4() {
		ip := to.Addr().As4()
		v = append(v, ip[:]...)
	} else {
		ip := to.Addr().As16()
		v[1] = 2
		v = append(v, ip[:]...)
	}
	for i := range v[4:] {
		v[4+i] ^= mask[i]
	}
	return v
}

func (s *scratch) fail(code int, unknown []byte, pwd Secret) {
	var types [2 * maxUnknown]byte
	n := copy(types[:], unknown) // it lies in value
	m := s.start(stun.ClassErrorResponse)
	v := append(s.value[:0], 0, 0, byte(code/100), byte(code%100))
	m.Add(stun.AttrErrorCode, append(v, reasons[code]...))
	if code == codeUnknown {
		m.Add(stun.AttrUnknownAttributes, types[:n])
	}
	s.seal(m, pwd)
}

// seal adds MESSAGE-INTEGRITY, but not to the answer to who has not shown the password (RFC 8489 section 9.1.3), and FINGERPRINT.
func (s *scratch) seal(m *stun.Message, pwd Secret) {
	if pwd != nil {
		_ = stun.MessageIntegrity(pwd).AddTo(m) // fails only behind a FINGERPRINT
	}
	_ = stun.Fingerprint.AddTo(m) // has no failing path
}
