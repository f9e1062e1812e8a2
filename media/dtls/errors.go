package dtls

import (
	"errors"
	"fmt"
	"net/netip"
)

// What a handshake ends with, beside an alert of the peer.
var (
	// ErrNoCertificate is a peer that showed none.
	ErrNoCertificate = errors.New("the peer showed no certificate")
	// ErrFingerprint is a peer whose certificate is not the one that its description names.
	ErrFingerprint = errors.New("the peer's certificate does not have the fingerprint of its session description")
	// ErrNoProfile is a peer without an SRTP profile of ours, or without use_srtp at all.
	ErrNoProfile = errors.New("no common SRTP protection profile: the peer's use_srtp has none of AEAD_AES_128_GCM, " +
		"AES_CM_128_HMAC_SHA1_80, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_32, or is missing")
	// ErrTimeout is a peer that did not complete the handshake.
	ErrTimeout = errors.New("no complete handshake in time")
	// ErrBusy is a handshake for which there was no room.
	ErrBusy = errors.New("too many handshakes at once")
	// ErrClosed is a Handshaker that was closed.
	ErrClosed = errors.New("closed")
)

// Error is a handshake that failed; Unwrap gives one of the kinds above, or what the peer's alert or the library says.
type Error struct {
	Remote netip.AddrPort // the peer; invalid: it was never heard
	Active bool           // we were the client
	Err    error
}

// Error implements error.
func (e *Error) Error() string {
	role := "passive"
	if e.Active {
		role = "active"
	}
	peer := "a peer that sent nothing"
	if e.Remote.IsValid() {
		peer = e.Remote.String()
	}
	return fmt.Sprintf("DTLS handshake (%s) with %s: %v", role, peer, e.Err)
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Err }
