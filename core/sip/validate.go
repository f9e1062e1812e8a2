package sip

// validate checks what every element of RFC 3261 section 8.1.1 relies on and a header parser alone lets through.
func (p *parser) validate() {
	for _, one := range []struct {
		field field
		name  string
		least uint8
	}{
		{fieldFrom, "From", 1},
		{fieldTo, "To", 1},
		{fieldCallID, "Call-ID", 1},
		{fieldCSeq, "CSeq", 1},
		{fieldMaxForwards, "Max-Forwards", 0},
		{fieldContentType, "Content-Type", 0},
		{fieldContentLength, "Content-Length", 0},
	} {
		switch n := p.seen[one.field]; {
		case n < one.least:
			p.fail(faultf(400, "no %s", one.name))
		case n > 1:
			p.fail(faultf(400, "%d headers %s", n, one.name))
		}
	}
	if len(p.m.Via) == 0 {
		p.fail(faultf(400, "no Via"))
	}
	if p.m.ContactStar && len(p.m.Contact) > 0 {
		p.fail(faultf(400, "Contact * beside another Contact"))
	}
	if p.m.IsRequest() {
		p.validateRequest()
	}
}

func (p *parser) validateRequest() {
	m := p.m
	if m.CSeq.Method != m.Method && m.CSeq.Method != "" {
		p.fail(faultf(400, "CSeq names another method than the request line"))
	}
	// A request that makes a dialog names exactly one target (RFC 3261 section 8.1.1.8).
	if m.Method == INVITE || m.Method == SUBSCRIBE || m.Method == REFER {
		if len(m.Contact) > 1 {
			p.fail(faultf(400, "%d Contact in a request that may make a dialog", len(m.Contact)))
		}
		if m.ContactStar {
			p.fail(faultf(400, "Contact * outside REGISTER"))
		}
	}
	// A sips Request-URI does not need checking against Contact here: which schemes work is the call's business.
}
