// Package sdes is the a=crypto attribute that carries SRTP keys in a session description (RFC 4568).
//
// It parses and writes single attribute values; which of several lines is chosen is offer/answer and belongs to media/sdp.
// The key in a line protects what the writer of that line sends. Nothing of this package prints key material: neither the
// types, whatever the verb or log handler, nor the errors.
package sdes
