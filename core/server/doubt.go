package server

import (
	"errors"
	"syscall"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/core/transport"
)

// invited notes where an INVITE goes, as its failure is evidence about a registrar there.
func (l *lines) invited(tx transport.TxID, req *sip.Message, hop sip.URI) {
	if l != nil && req.Method == sip.INVITE && !hop.IsZero() {
		l.invites[tx] = hop
	}
}

// heard is the end of a doubt: somebody answered, or nobody asks any more.
func (l *lines) heard(tx transport.TxID) {
	if l != nil {
		delete(l.invites, tx)
	}
}

// unheard makes registrars doubtful where an INVITE got no answer or was refused by the transport. What never left says nothing.
func (l *lines) unheard(now time.Time, tx transport.TxID, err error) {
	if l == nil {
		return
	}
	hop, ok := l.invites[tx]
	if !ok {
		return
	}
	delete(l.invites, tx)
	var flow *transport.FlowError
	var timeout *transaction.TimeoutError
	if errors.As(err, &flow) || errors.As(err, &timeout) {
		l.engine.Doubt(now, hop, errors.Is(err, syscall.ECONNREFUSED))
		l.drain()
	}
}
