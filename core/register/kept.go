package register

import (
	"slices"
	"time"

	"b2bua/core/digest"
	"b2bua/core/sip"
)

// kept is what a registration remembers of its Account: a million of these are in memory, so addresses are texts that it shares with
// its owner, and what accounts have in common is their registrar's.
type kept struct {
	name, display, uri string // uri is that of the identity
	key                string
	credentials        []digest.Credentials
	asks               time.Duration // expires
	unregister         bool
}

func keep(a Account) kept {
	k := kept{
		name: a.Name, display: a.Identity.Display, uri: a.Identity.URI.String(), key: a.Key,
		credentials: a.Credentials, asks: asks(a), unregister: a.Unregister,
	}
	if k.uri == a.Name {
		k.uri = a.Name
	}
	return k
}

// sameBinding tells whether the registrar was told the same, with the same authority; taking that away sends nothing (spec 4.9.4).
func (k *kept) sameBinding(o *kept) bool {
	return (len(k.credentials) == 0 || slices.Equal(k.credentials, o.credentials)) && k.display == o.display && k.uri == o.uri && k.key == o.key && k.asks == o.asks
}

// identity is the address of the account.
func (k *kept) identity() sip.Address {
	u, err := sip.ParseURI(k.uri)
	if err != nil {
		return sip.Address{}
	}
	return sip.Address{Display: k.display, URI: u}
}

// share is a Contact without its user, one object for all accounts of a registrar that have the same.
func (h *registrar) share(u sip.URI) *sip.URI {
	if u.Host == "" {
		return nil
	}
	u.User = ""
	if !sameURI(h.contact, &u) {
		h.contact = &u
	}
	return h.contact
}

func sameURI(a, b *sip.URI) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Scheme == b.Scheme && a.User == b.User && a.Password == b.Password && a.Host == b.Host && a.Port == b.Port &&
		a.Headers == b.Headers && slices.Equal(a.Params, b.Params)
}

// bindingContact is the Contact that the registrar has, as it was sent; zero: not known.
func (r *registration) bindingContact() sip.URI {
	if r.contact == nil {
		return sip.URI{}
	}
	u := *r.contact
	u.User = r.identity().URI.User
	return u
}
