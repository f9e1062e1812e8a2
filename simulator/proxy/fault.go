package proxy

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
)

// Fault is what the registrar does wrong with the REGISTERs of a user, or of all.
type Fault struct {
	// Status answers them; 0: as a registrar does. A 401 carries a new challenge each time, whatever the credentials.
	Status int
	// Stale: those challenges call the nonce stale.
	Stale bool
	// RetryAfter goes with Status, in seconds; 0: none.
	RetryAfter int
	// Silent: no answer.
	Silent bool
	// HangUp: the connection is closed in place of an answer.
	HangUp bool
	// Times is how many REGISTERs it is about; 0: all of them.
	Times int
}

// ParseFault reads "401", "stale", "403", "503:30", "silent" or "hangup", each with "*3" behind it for the next three only.
func ParseFault(s string) (Fault, error) {
	var f Fault
	kind, times, limited := strings.Cut(s, "*")
	if limited {
		if _, err := fmt.Sscanf(times, "%d", &f.Times); err != nil || f.Times < 1 {
			return f, fmt.Errorf("fault %q: write how often as a number from 1", s)
		}
	}
	switch kind {
	case "silent":
		f.Silent = true
	case "hangup":
		f.HangUp = true
	case "stale":
		f.Status, f.Stale = 401, true
	default:
		status, after, later := strings.Cut(kind, ":")
		_, err := fmt.Sscanf(status, "%d", &f.Status)
		if err == nil && later {
			_, err = fmt.Sscanf(after, "%d", &f.RetryAfter)
		}
		if err != nil || f.Status < 300 || f.Status > 699 || f.RetryAfter < 0 {
			return f, fmt.Errorf("fault %q: write silent, hangup, stale, or a status from 300 with :SECONDS for Retry-After", s)
		}
	}
	return f, nil
}

// SetFault begins a fault for the REGISTERs of an address of record, "" for all others. nil ends it.
func (p *Proxy) SetFault(aor string, f *Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if aor != "" {
		aor = aorOf(aor)
	}
	if f == nil {
		delete(p.faults, aor)
		return
	}
	one := *f
	p.faults[aor] = &one
}

// DropConnections closes all connections by which somebody registered, and returns their number.
func (p *Proxy) DropConnections() int {
	done := make(chan int, 1)
	if p.stack.Do(func(time.Time) {
		for id := range p.registered {
			p.stack.HangUp(id)
		}
		done <- len(p.registered)
		clear(p.registered)
	}) != nil {
		return 0
	}
	return <-done
}

// Forget drops all bindings, as a registrar without a store does when it is restarted.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.bindings.bindings)
}

// Bound is the number of users with a binding that has not expired.
func (p *Proxy) Bound() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, n := time.Now(), 0
	for _, list := range p.bindings.bindings {
		if slices.ContainsFunc(list, func(b binding) bool { return b.expires.After(now) }) {
			n++
		}
	}
	return n
}

// Registers is how many REGISTERs were taken, challenges and faults included.
func (p *Proxy) Registers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.registers
}

// misbehaves does the fault that is due for a REGISTER, if there is one.
func (p *Proxy) misbehaves(tx transport.TxID, req *sip.Message, flow transport.Flow, tag string) bool {
	p.registers++
	if flow.Network != "udp" {
		p.registered[flow.ID] = true
	}
	aor := key(req.To.URI)
	f := p.faults[aor]
	if f == nil {
		aor, f = "", p.faults[""]
	}
	if f == nil {
		return false
	}
	if f.Times == 1 {
		delete(p.faults, aor)
	}
	f.Times--
	switch {
	case f.Silent:
	case f.HangUp:
		p.stack.HangUp(flow.ID)
	default:
		p.stack.Respond(tx, f.response(req, tag))
	}
	return true
}

func (f *Fault) response(req *sip.Message, tag string) *sip.Message {
	resp := sip.NewResponse(req, f.Status, "", tag)
	if f.Status == 401 {
		stale := ""
		if f.Stale {
			stale = ", stale=true"
		}
		resp.Add("WWW-Authenticate", fmt.Sprintf(`Digest realm="%s", qop="auth", nonce="%s"%s`, req.From.URI.Host, sip.NewTag(rand.Reader), stale))
	}
	if f.RetryAfter > 0 {
		resp.Add("Retry-After", fmt.Sprint(f.RetryAfter))
	}
	return resp
}
