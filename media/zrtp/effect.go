package zrtp

import (
	"b2bua/media/sdes"
	"b2bua/media/zrtp/alg"
)

// Input is what happens to a stream.
type Input interface{ input() }

// Inputs.
type (
	// Start begins discovery: both addresses are known and media may be sent.
	Start struct{}
	// Restart begins asking anew: the path of the media has changed.
	Restart struct{}
	// Stop ends the stream and overwrites its secrets.
	Stop struct{}
	// Tick says that the deadline has come.
	Tick struct{}
	// Packet is a datagram; it is not kept.
	Packet struct{ Data []byte }
	// Authenticated says that an SRTP packet of the peer was authentic, once for each stream: it stands for a lost Conf2ACK.
	Authenticated struct{}
	// KeysDone gives back a job that has run.
	KeysDone struct{ Job *Job }
	// SecretsLoaded answers LookupSecrets. Failed: the cache could not be read; the exchange goes on without continuity and
	// without writing. The secrets of the record are copied.
	SecretsLoaded struct {
		Key    Key
		Record Record
		Failed bool
	}
	// PeerHash is the value of the peer's a=zrtp-hash. Protected: the description came over a path that vouches for it.
	PeerHash struct {
		Hash      [32]byte
		Protected bool
	}
)

func (Start) input()         {}
func (Restart) input()       {}
func (Stop) input()          {}
func (Tick) input()          {}
func (Packet) input()        {}
func (Authenticated) input() {}
func (KeysDone) input()      {}
func (SecretsLoaded) input() {}
func (PeerHash) input()      {}

// Output is an effect for a stream.
type Output struct {
	Stream *Stream
	Effect Effect
}

// Effect is what is to be done.
type Effect interface{ effect() }

// Effects, in the order in which they are to be carried out.
type (
	// Send is a datagram; the receiver owns it.
	Send struct{ Data []byte }
	// NeedKeys asks to run a job and to give it back by KeysDone.
	NeedKeys struct{ Job *Job }
	// LookupSecrets asks for the record of a peer, to be answered by SecretsLoaded.
	LookupSecrets struct{ Key Key }
	// StoreSecrets changes a record. It comes before Secure.
	StoreSecrets struct {
		Key    Key
		Update Update
	}
	// InstallReceive and InstallSend give the SRTP keys of one direction: the master key and the salt after it, a copy to be
	// wiped. Each comes once.
	InstallReceive struct {
		Suite  sdes.Suite
		Master alg.Secret
	}
	// InstallSend is explained above.
	InstallSend struct {
		Suite  sdes.Suite
		Master alg.Secret
	}
	// Secure says that the stream is secure in both directions.
	Secure struct{ Report Report }
	// Alert is a suspicion; the stream goes on.
	Alert struct{ Reason Suspicion }
	// Failed says that the stream will not be secure.
	Failed struct{ Reason Failure }
	// NoPeer says that nobody answered the Hellos of the first seconds. The stream goes on listening, and asking if it is Required.
	NoPeer struct{}
)

func (Send) effect()           {}
func (NeedKeys) effect()       {}
func (LookupSecrets) effect()  {}
func (StoreSecrets) effect()   {}
func (InstallReceive) effect() {}
func (InstallSend) effect()    {}
func (Secure) effect()         {}
func (Alert) effect()          {}
func (Failed) effect()         {}
func (NoPeer) effect()         {}

// Report is what was agreed on, for people and logs.
type Report struct {
	Suite  alg.Suite
	Role   alg.Role
	SAS    string // of the session, the same for all of its streams
	Peer   alg.ZID
	Client string // what the peer calls itself, printable
	// Continuity: a retained secret matched, so the peer is the one of the last call.
	Continuity bool
	// Mismatch: there is a retained secret, and the peer does not have it. Either side lost its cache, or somebody is in the middle.
	Mismatch    bool
	AuxMismatch bool
	// Verified: the SAS was compared in an earlier call, as we remember. It counts if PeerVerified, the peer's view, is true as well.
	Verified     bool
	PeerVerified bool
	Disclosure   bool // the peer says that key material leaves it
	PeerMitM     bool // the peer says that it is a PBX
	HashVerified bool // the peer's Hello was the one of its a=zrtp-hash
}

// Suspicion is the kind of an Alert.
type Suspicion uint8

// Suspicions.
const (
	HelloHashMismatch Suspicion = iota + 1 // a Hello was not the one of a=zrtp-hash
	MessageForged                          // a message did not fit the key that its sender revealed later
	ManyBadPackets                         // 200 packets had to be dropped
	SSRCCollision                          // the peer sends with our SSRC
	EqualZIDs                              // the peer has our ZID
	PeerError                              // an Error came; who sent it is not known
	CacheMismatch                          // the retained secret did not match
	OtherZID                               // a stream of the call has another ZID than the secure one
	ConfirmBad                             // a Confirm's MAC does not fit
	Stalled                                // the peer stopped in the middle of an exchange
)

var suspicions = [...]string{
	HelloHashMismatch: "Hello does not match a=zrtp-hash", MessageForged: "message does not fit the hash chain of its sender",
	ManyBadPackets: "200 packets dropped", SSRCCollision: "peer uses our SSRC", EqualZIDs: "peer has our ZID",
	PeerError: "an Error message came", CacheMismatch: "retained secret does not match: cache lost or man in the middle",
	OtherZID: "stream has another ZID than the session", ConfirmBad: "Confirm with a wrong MAC",
	Stalled: "peer stopped in the middle of the exchange",
}

// String is the suspicion in words.
func (s Suspicion) String() string {
	if s == 0 || int(s) >= len(suspicions) {
		return "unknown"
	}
	return suspicions[s]
}
