package main

import (
	"fmt"
	"net/netip"
	"strings"
)

// hosts reads --hosts: later ones win, an empty address takes a name out again.
func (f *flags) hosts() (map[string]netip.Addr, error) {
	fixed := map[string]netip.Addr{}
	for _, h := range f.Hosts {
		name, text, ok := strings.Cut(h, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" {
			return nil, fmt.Errorf("--hosts=%s: write HOST=IP, as in --hosts=proxy.example.org=192.0.2.1", h)
		}
		if text == "" {
			delete(fixed, name)
			continue
		}
		addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil {
			return nil, fmt.Errorf("--hosts=%s: %q is no IP address; write HOST=IP, as in --hosts=proxy.example.org=192.0.2.1", h, text)
		}
		fixed[name] = addr
	}
	return fixed, nil
}
