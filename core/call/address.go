package call

import "net/netip"

// chooseMediaAddresses decides which local addresses stand in our SDP and are bound. A setting wins. Otherwise leg A gets the
// address of its signalling if its media is at the same host, else the one by which its media is reached. Leg B's media address is not known before it answers, so it gets the address of its
// signalling; if that is a loopback address, because the proxy runs on this host, and leg A's media is elsewhere, it gets leg A's:
// a phone behind that proxy could not reach 127.0.0.1.
func (c *call) chooseMediaAddresses(at Location) {
	c.b.local = at.Local
	c.a.media = firstOf(c.fixedFor(at.Route, c.a.local), at.Route, c.a.local)
	if !c.a.media.IsValid() || c.mediaPeer() == c.a.host || at.Route.IsLoopback() && c.a.local.IsLoopback() {
		c.a.media = firstOf(c.fixedFor(c.a.local), c.a.local) // which of several addresses of one network is known here
	}
	route := at.Route
	if !at.Local.IsLoopback() || route.IsLoopback() || route.Is4() != at.Local.Is4() {
		route = netip.Addr{}
	}
	c.b.media = firstOf(c.fixedFor(at.Local), route, at.Local)
}

// fixedFor is the configured address of the family of the first valid address given.
func (c *call) fixedFor(like ...netip.Addr) netip.Addr {
	want := firstOf(like...)
	for _, a := range c.e.cfg.MediaAddresses {
		if a.Is4() == want.Is4() {
			return a
		}
	}
	return netip.Addr{}
}

func firstOf(addrs ...netip.Addr) netip.Addr {
	for _, a := range addrs {
		if a.IsValid() {
			return a
		}
	}
	return netip.Addr{}
}

// mediaPeer is where leg A wants its media, as far as its offer says so.
func (c *call) mediaPeer() netip.Addr {
	if c.a.theirs == nil {
		return netip.Addr{}
	}
	for i := range c.a.theirs.Media {
		if m := &c.a.theirs.Media[i]; m.Port != 0 && m.Addr.IsValid() && !m.Addr.IsUnspecified() {
			return m.Addr
		}
	}
	return netip.Addr{}
}
