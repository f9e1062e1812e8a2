package zrtp

import (
	"bytes"
	"strings"
	"time"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// sharedZID is that of every FreeSWITCH in the world: it says nothing about who the peer is.
var sharedZID = alg.ZID([]byte("FreeSWITCH01"))

// deaf tells whether the peer never acknowledges an Error.
func (p *peer) deaf() bool {
	return strings.HasPrefix(p.name, "BZRTP") || strings.HasPrefix(p.name, "LINPHONE")
}

// byURI tells whether the peer remembers a secret for each URI instead of one for each ZID.
func (p *peer) byURI() bool { return strings.HasPrefix(p.name, "BZRTP") }

func newPeer(m []byte, ssrc uint32) peer {
	m = bytes.Clone(m)
	h := wire.ParseHello(m)
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(h.Client[:]))
	return peer{
		hello: m, ssrc: ssrc, zid: h.ZID, h3: h.H3, flags: h.Flags, name: strings.TrimRight(name, " "), lists: listsOf(h),
	}
}

// onHello takes a Hello. One that was taken before is acknowledged again, whatever has happened since.
func (st *Stream) onHello(m []byte, ssrc uint32) {
	if st.peerHash != nil && alg.HelloHash(m) != *st.peerHash {
		st.drop()
		st.alert(HelloHashMismatch)
		return
	}
	if st.state == errorSent {
		return
	}
	if ssrc == st.peer.ssrc && bytes.Equal(m, st.peer.hello) {
		st.answer(answerHello, wire.HelloACK)
		st.touch()
		if st.state == quiet && !st.acked {
			st.ask()
		}
		return
	}
	h := wire.ParseHello(m)
	if !st.acceptable(h) {
		return
	}
	replaced := st.peer.hello != nil
	st.peer, st.heard = newPeer(m, ssrc), st.session.now
	st.dropSecrets()
	st.answer(answerHello, wire.HelloACK)
	unmet := replaced || st.acked && st.ackedBy != ssrc // somebody who may not have ours
	if unmet {
		st.acked = false
	}
	if !st.acked && (unmet || st.state == quiet) {
		st.ask()
	}
	st.stopAsking()
	if st == st.session.first() && !st.session.secure() {
		st.loadSecrets()
	}
	st.maybeBegin()
}

// acceptable decides about a Hello that is not the one we have.
func (st *Stream) acceptable(h wire.HelloFields) bool {
	if !st.state.is(discover, quiet, ready) && (st.state != preparing || st.role == alg.Responder) {
		st.drop()
		return false
	}
	// An unauthenticated Hello replaces another only while nothing was committed, and its sender says nothing any more.
	silent := st.session.now.Sub(st.heard) >= takeover
	if st.peer.hello != nil && (st.peerHash != nil || !silent || !st.may(otherHello)) {
		st.drop()
		return false
	}
	if h.ZID == st.session.config.ZID {
		st.drop()
		if h.H3 != st.chain[3] {
			st.alert(EqualZIDs)
			st.tell(CodeZID)
		}
		return false
	}
	if st.session.secure() && alg.ZID(h.ZID) != st.session.report.Peer {
		st.drop()
		st.alert(OtherZID)
		return false
	}
	return st.version(h.Version)
}

// version compares all but the last digit (RFC 6189 section 4.1.1).
func (st *Stream) version(v wire.Code) bool {
	switch theirs, ours := string(v[:3]), string(wire.Version[:3]); {
	case theirs > ours:
		// It is the peer that knows our version, and is to send another Hello.
		st.answer(answerHello, wire.HelloACK)
		return false
	case theirs < ours:
		st.drop()
		st.tell(CodeVersion)
		return false
	}
	return true
}

// dropSecrets forgets what was prepared for another Hello.
func (st *Stream) dropSecrets() {
	if st.state == preparing {
		st.yield()
		st.session.exchange = nil // nothing to wake: this stream goes on
	}
	st.wipeSecrets()
}

func (st *Stream) onHelloACK(ssrc uint32) {
	if st.acked || st.state != discover && st.state != quiet {
		return
	}
	st.acked, st.ackedBy = true, ssrc
	if st.peer.hello != nil { // else it may be anybody's
		st.touch()
	}
	st.stopAsking()
	st.maybeBegin()
}

// stopAsking ends the Hellos when both sides have one. A peer that has ours but whose own does not arrive is asked slowly: it
// may have given up by then, and another Hello wakes it.
func (st *Stream) stopAsking() {
	switch {
	case !st.acked:
	case st.peer.hello != nil:
		st.helloAt = time.Time{}
	default:
		st.helloCount = helloSends
		st.helloAt = st.session.now.Add(helloSlow)
	}
}

// maybeBegin sends a Commit, or prepares it, if everything is there and the session permits it.
func (st *Stream) maybeBegin() {
	if st.peer.hello == nil || !st.acked || !st.state.is(discover, quiet, ready) {
		return
	}
	st.state = ready
	if st.session.config.Passive {
		if st.peer.flags&wire.FlagPassive != 0 {
			st.fail(CodeUnavailable, "both sides are passive")
		}
		return
	}
	if !st.session.mayBegin(st) || st.hesitates() {
		return
	}
	if st.session.secure() {
		if st.peer.zid == st.session.report.Peer {
			st.beginMultistream()
		}
		return
	}
	st.begin()
}

func (st *Stream) setPeerHash(in PeerHash) {
	st.peerHash, st.vouched = &in.Hash, in.Protected
	if st.peer.hello == nil || alg.HelloHash(st.peer.hello) == in.Hash {
		return
	}
	st.alert(HelloHashMismatch)
	if !st.state.is(idle, secure, errorSent, dead) {
		st.abandon()
		st.ask()
	}
}

// loadSecrets asks for the record of the peer, once.
func (st *Stream) loadSecrets() {
	if st.asked {
		return
	}
	st.asked = true
	c := &st.session.config
	if c.Expiration == 0 || st.peer.zid == sharedZID {
		st.key = Key{}
		st.setSecrets(Record{})
		return
	}
	st.key = Key{Own: c.ZID, Peer: st.peer.zid}
	if st.peer.byURI() {
		st.key.URI = c.URI
	}
	st.out(LookupSecrets{Key: st.key})
}

func (st *Stream) secretsLoaded(in SecretsLoaded) {
	if !st.asked || st.loaded || in.Key != st.key || st.state == dead || st.state == errorSent {
		return
	}
	st.broken = in.Failed
	st.setSecrets(in.Record.Clone())
	if st.state == preparing {
		st.advance()
	}
}

func (st *Stream) setSecrets(r Record) {
	st.loaded, st.record = true, r
	st.secrets = alg.Secrets{RS1: r.RS1, RS2: r.RS2, PBX: r.PBX}
	if len(r.Aux)+len(st.session.config.Aux) > 0 {
		st.secrets.Aux = append(r.Aux.Clone(), st.session.config.Aux...)
	}
}
