package relay

import (
	"errors"
	"slices"

	"b2bua/media/srtp"
)

// maxSendKeys is how many keys one side may send under in the life of its stream. All are remembered: a key that came back with
// fresh indices would use its keystream a second time (RFC 3711 section 9.1). Ours stays while the peer keeps to a suite, so a
// call has one or two, and one more for each further callee and each transfer; 32 is no call, and some 100 KiB.
const maxSendKeys = 32

var errSendKeys = errors.New("relay: 32 different keys of ours were in use on this leg already, and none may be forgotten; the peer " +
	"changes the crypto suite again and again: the leg keeps its present key")

// Keyring tells how many keys a side sends under, so that one too many is refused before anything has changed. The zero value is
// empty.
type Keyring struct{ keys []fingerprint }

// Admit is asked before each Apply to the side. On error nothing may be applied.
func (k *Keyring) Admit(p *Prepared) error {
	switch {
	case p.send == nil || slices.Contains(k.keys, p.sendKey):
		return nil
	case len(k.keys) >= maxSendKeys:
		return errSendKeys
	}
	k.keys = append(k.keys, p.sendKey)
	return nil
}

// senders are the states of all keys that a side has sent under.
type senders struct {
	ring Keyring
	list []*srtp.Sender // in the ring's order
}

// use is the sender for p's key: the one there was, if there was one. Nil: no key, or one too many.
func (k *senders) use(p *Prepared) *srtp.Sender {
	if p.send == nil {
		return nil
	}
	if k.ring.Admit(p) != nil {
		p.wipeSend()
		return nil
	}
	i := slices.Index(k.ring.keys, p.sendKey)
	if i < len(k.list) {
		p.wipeSend()
	} else {
		k.list = append(k.list, p.send)
	}
	return k.list[i]
}

func (k *senders) wipe() {
	for _, s := range k.list {
		s.Wipe()
	}
	*k = senders{}
}
