package peers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"b2bua/steps/peers/filter"
)

// filterSource is a program in C around libsrtp2.
const filterSource = "libsrtp/filter.c"

// Suite is one of SDES (RFC 4568 section 6.2, RFC 6188, RFC 7714).
type Suite struct {
	Name   string
	Length int // octets of key and salt together
	Tag    int // octets that RTP grows by
}

// Suites are the filter's, in its order.
var Suites = []Suite{
	{"AES_CM_128_HMAC_SHA1_80", 30, 10},
	{"AES_CM_128_HMAC_SHA1_32", 30, 4},
	{"AES_256_CM_HMAC_SHA1_80", 46, 10},
	{"AES_256_CM_HMAC_SHA1_32", 46, 4},
	{"AEAD_AES_128_GCM", 28, 16},
	{"AEAD_AES_256_GCM", 44, 16},
}

// Operations of the filter.
const (
	opKeys          = 'K'
	opProtect       = 'p'
	opProtectRTCP   = 'P'
	opUnprotect     = 'u'
	opUnprotectRTCP = 'U'
)

// Filter is a running libsrtp2 with a key for each direction. Its methods are safe for concurrent use.
type Filter struct{ *filter.Program }

// BuildFilter compiles the filter into dir.
func BuildFilter(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "libsrtp-filter")
	return path, filter.Compile(ctx, path, filterSource, "-lsrtp2")
}

// StartFilter starts one that was built.
func StartFilter(path string) (*Filter, error) {
	p, err := filter.Start(path)
	if err != nil {
		return nil, err
	}
	return &Filter{p}, nil
}

// Keys sets both keys, each with its salt, and forgets all state.
func (f *Filter) Keys(suite string, send, receive []byte) error {
	i := slices.IndexFunc(Suites, func(s Suite) bool { return s.Name == suite })
	if i < 0 || len(send) != Suites[i].Length || len(receive) != Suites[i].Length {
		return fmt.Errorf("libsrtp filter: suite %s with keys of %d and %d octets", suite, len(send), len(receive))
	}
	_, _, err := f.do(opKeys, append(append([]byte{byte(i), byte(len(send))}, send...), receive...))
	return err
}

// Protect makes SRTP of RTP, or SRTCP of RTCP.
func (f *Filter) Protect(rtcp bool, p []byte) ([]byte, error) {
	operation := byte(opProtect)
	if rtcp {
		operation = opProtectRTCP
	}
	out, _, err := f.do(operation, p)
	return out, err
}

// do has the filter do one thing. The roll-over counter is that of the packet's source.
func (f *Filter) do(operation byte, p []byte) (out []byte, rollOver uint32, err error) {
	status, answer, err := f.Do(append([]byte{operation}, p...))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("libsrtp filter: %w", err)
	case status != 0:
		return nil, 0, fmt.Errorf("libsrtp: operation %c, status %d (srtp_err_status_t)", operation, status)
	case len(answer) < 4:
		return nil, 0, errors.New("libsrtp filter: answer of an impossible length")
	}
	return answer[4:], binary.BigEndian.Uint32(answer), nil
}
