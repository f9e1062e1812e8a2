package transaction

import (
	"strconv"
	"strings"

	"b2bua/core/sip"
)

// clientKey matches responses to requests (RFC 3261 section 17.1.3).
type clientKey struct {
	branch string
	method sip.Method
}

// serverKey matches requests to transactions (RFC 3261 section 17.2.3).
type serverKey struct {
	branch, sentBy string
	method         sip.Method
}

// kept is the key for as long as a transaction lives, which is longer than its message: it does not refer to the message's text.
func (k serverKey) kept() serverKey {
	var both strings.Builder // one allocation; a sum with an empty string would be no copy
	both.Grow(len(k.branch) + len(k.sentBy))
	both.WriteString(k.branch)
	both.WriteString(k.sentBy)
	own := both.String()
	k.branch, k.sentBy = own[:len(k.branch)], own[len(k.branch):]
	return k
}

// keyOf is the key of a request; the ACK to a failure and CANCEL have the branch of their INVITE.
func keyOf(m *sip.Message, method sip.Method) serverKey {
	if len(m.Via) == 0 {
		return serverKey{method: method}
	}
	via := &m.Via[0]
	branch := via.Branch()
	sentBy := strings.ToLower(via.Host)
	if via.Port != 0 {
		sentBy += ":" + strconv.Itoa(via.Port)
	}
	if strings.HasPrefix(branch, sip.MagicCookie) && len(branch) > len(sip.MagicCookie) {
		return serverKey{branch: branch, sentBy: sentBy, method: method}
	}
	// RFC 2543: no unique branch. The Call-ID can hold any character but no space, so that the parts can't be confused.
	return serverKey{
		branch: strings.Join([]string{branch, m.URI.String(), m.From.Tag(), m.CallID, strconv.FormatUint(uint64(m.CSeq.Number), 10)}, " "),
		sentBy: sentBy,
		method: method,
	}
}
