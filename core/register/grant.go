package register

import (
	"strconv"
	"strings"
	"time"

	"b2bua/core/event"
	"b2bua/core/sip"
)

// What a registrar says about time.

// paced is the lifetime that refreshes go by: what was granted, unless that makes more requests than a registrar can mean to get.
func (e *Engine) paced(h *registrar, life time.Duration) time.Duration {
	least := max(minLife, time.Duration(h.users)*minLifeEach)
	if (life < least || life < shortLife) != h.brief {
		h.brief = !h.brief
		if h.brief {
			e.tell(event.RegistrarBrief{Registrar: h.name, For: life, Accounts: h.users, Every: max(life, least)})
		}
	}
	return max(life, least)
}

// lifetime is what a 2xx grants: the expires of our Contact, else the Expires of the message, else what was asked for.
func (r *registration) lifetime(resp *sip.Message, own sip.URI) time.Duration {
	life, user := r.expires, r.identity().URI.User
	if d, ok := secondsIn(resp, "Expires"); ok {
		life = d
	}
	ours, found := own.Host == "" && len(resp.Contact) == 1, false
	for i := range resp.Contact {
		c := &resp.Contact[i]
		if !ours && !sameContact(&c.URI, &own, user) {
			continue
		}
		found = true
		if v, ok := c.Params.Get("expires"); ok {
			if d, ok := seconds(v); ok {
				life = d
			}
		}
	}
	if !found && len(resp.Contact) == 1 { // a proxy on the way rewrote it
		if v, ok := resp.Contact[0].Params.Get("expires"); ok {
			if d, ok := seconds(v); ok {
				life = d
			}
		}
	}
	return min(life, maxExpires)
}

func sameContact(c, own *sip.URI, user string) bool {
	if own.Host == "" {
		return c.User == user
	}
	return c.User == user && strings.EqualFold(c.Host, own.Host) && c.Port == own.Port
}

// raise takes the Min-Expires of a 423 over.
func (r *registration) raise(resp *sip.Message) bool {
	least, ok := secondsIn(resp, "Min-Expires")
	if !ok || least <= r.expires || least > maxExpires {
		return false
	}
	r.expires = least
	return true
}

// retryAfter reads delta-seconds; comment and parameters are for people (RFC 3261 section 20.33).
func retryAfter(resp *sip.Message) time.Duration {
	d, _ := secondsIn(resp, "Retry-After")
	return d
}

func secondsIn(m *sip.Message, name string) (time.Duration, bool) {
	v, ok := m.Header(name)
	if !ok {
		return 0, false
	}
	return seconds(v)
}

// seconds reads delta-seconds. A fraction, which nobody may write, is cut off, and what exceeds 31 bits is their limit.
func seconds(v string) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	digits := v
	if i := strings.IndexFunc(v, func(c rune) bool { return c < '0' || c > '9' }); i >= 0 {
		digits = v[:i]
		if digits == "" || !strings.ContainsRune(" \t(;.", rune(v[i])) {
			return 0, false
		}
	}
	if digits == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		n = 1<<31 - 1
	}
	return time.Duration(n) * time.Second, true //nolint:gosec // 31 bits
}
