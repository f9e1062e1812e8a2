package proxy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
)

// Limits of a registrar without settings of its own.
const (
	defaultContacts = 10
	defaultExpires  = time.Hour
)

// binding is where a user can be reached (RFC 3261 section 10.3).
type binding struct {
	uri     sip.URI
	expires time.Time
	callID  string
	cseq    uint32
	device  string           // +sip.instance and reg-id, empty: none
	flow    transport.FlowID // the connection it registered over; used while it lives
	q       int              // priority in thousandths
}

// registrar holds the bindings in memory.
type registrar struct {
	domains     []string
	max         int
	least, most time.Duration
	known       map[string]bool // addresses of record that were bound once
	bindings    map[string][]binding
}

func newRegistrar(cfg Config) registrar {
	r := registrar{domains: cfg.Domains, max: cfg.MaxContacts, least: cfg.MinExpires, most: cfg.MaxExpires, known: map[string]bool{}, bindings: map[string][]binding{}}
	if r.max <= 0 {
		r.max = defaultContacts
	}
	if r.most <= 0 {
		r.most = defaultExpires
	}
	for user := range cfg.Passwords {
		r.known[strings.ToLower(user)] = true
	}
	return r
}

// serves tells whether users of that host are looked up here.
func (r *registrar) serves(host string) bool {
	return len(r.domains) == 0 || slices.ContainsFunc(r.domains, func(d string) bool { return strings.EqualFold(d, host) })
}

// key is the address of record of a URI: user and host, without case.
func key(u sip.URI) string { return strings.ToLower(u.User + "@" + u.Host) }

func aorOf(s string) string {
	if u, err := sip.ParseURI(s); err == nil {
		return key(u)
	}
	return strings.ToLower(s)
}

// lookup drops what has expired.
func (r *registrar) lookup(aor string, now time.Time) []binding {
	r.bindings[aor] = slices.DeleteFunc(r.bindings[aor], func(b binding) bool { return !b.expires.After(now) })
	return r.bindings[aor]
}

// bind adds or renews; one too many replaces the oldest. A device has one binding: what the same +sip.instance (RFC 5626 section 6),
// or an earlier REGISTER of the same Call-ID, bound to another address is replaced. A phone behind TCP or a NAT changes its Contact so.
func (r *registrar) bind(aor string, b binding) {
	r.known[aor] = true
	r.bindings[aor] = slices.DeleteFunc(r.bindings[aor], func(old binding) bool {
		other := b.device != "" && old.device != "" && b.device != old.device
		again := b.callID != "" && old.callID == b.callID && old.cseq != b.cseq // contacts of one REGISTER stand side by side
		return old.uri.Equal(b.uri) || b.device != "" && old.device == b.device || again && !other
	})
	list := append(r.bindings[aor], b)
	if len(list) > r.max {
		list = slices.Clone(list[len(list)-r.max:])
	}
	r.bindings[aor] = list
}

func (r *registrar) unbind(aor string, u sip.URI) {
	r.bindings[aor] = slices.DeleteFunc(r.bindings[aor], func(b binding) bool { return b.uri.Equal(u) })
}

// register does RFC 3261 section 10.3, steps 6 to 8, and returns the answer.
func (r *registrar) register(now time.Time, req *sip.Message, flow transport.Flow) *sip.Message {
	aor := key(req.To.URI)
	wanted, ok := expiry(req, nil)
	switch {
	case r.stale(aor, req, now):
		return sip.NewResponse(req, 500, "Request out of order", "")
	case req.ContactStar && ok && wanted == 0:
		delete(r.bindings, aor)
	case req.ContactStar:
		return sip.NewResponse(req, 400, "Contact * needs Expires 0", "")
	}
	for _, c := range req.Contact {
		d, ok := expiry(req, &c)
		if !ok {
			d = min(defaultExpires, r.most)
		}
		if d > 0 && d < r.least {
			resp := sip.NewResponse(req, 423, "", "")
			resp.Add("Min-Expires", strconv.Itoa(int(r.least.Seconds())))
			return resp
		}
		if d == 0 {
			r.unbind(aor, c.URI)
			continue
		}
		b := binding{uri: c.URI, expires: now.Add(min(d, r.most)), callID: req.CallID, cseq: req.CSeq.Number, device: deviceOf(c), q: priority(c)}
		if flow.Network != "udp" {
			b.flow = flow.ID
		}
		r.bind(aor, b)
	}
	resp := sip.NewResponse(req, 200, "", "")
	for _, b := range r.lookup(aor, now) {
		left := fmt.Sprint(int(b.expires.Sub(now).Round(time.Second).Seconds()))
		resp.Contact = append(resp.Contact, sip.Address{URI: b.uri, Params: sip.Params(nil).With("expires", left)})
	}
	return resp
}

// stale tells a REGISTER that was overtaken by a later one of its Call-ID (RFC 3261 section 10.3 step 7).
func (r *registrar) stale(aor string, req *sip.Message, now time.Time) bool {
	return slices.ContainsFunc(r.lookup(aor, now), func(b binding) bool { return b.callID == req.CallID && b.cseq >= req.CSeq.Number })
}

// parseContacts takes a URI, or addresses between < and > with parameters.
func parseContacts(s string) ([]sip.Address, error) {
	if strings.Contains(s, "<") {
		return sip.ParseAddresses(s)
	}
	u, err := sip.ParseURI(s)
	return []sip.Address{{URI: u}}, err
}

// priority is the q of a contact in thousandths; without one, or with nonsense, the highest (RFC 3261 section 20.10 leaves it open).
func priority(c sip.Address) int {
	text, ok := c.Params.Get("q")
	q, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return highest
	}
	return int(q*highest + 0.5)
}

// highest priority of a contact.
const highest = 1000

// deviceOf names the device, and its flow where it keeps several.
func deviceOf(c sip.Address) string {
	instance, ok := c.Params.Get("+sip.instance")
	if !ok || instance == "" {
		return ""
	}
	flow, _ := c.Params.Get("reg-id")
	return instance + " " + flow
}

// expiry is what a contact, or the message, asks for.
func expiry(req *sip.Message, c *sip.Address) (time.Duration, bool) {
	value, ok := "", false
	if c != nil {
		value, ok = c.Params.Get("expires")
	}
	if !ok {
		value, ok = req.Header("Expires")
	}
	seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
	if !ok || err != nil {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}
