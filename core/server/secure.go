package server

import (
	"errors"
	"fmt"
	"time"

	"b2bua/core/call"
	"b2bua/core/config"
	"b2bua/core/event"
	"b2bua/media/dtls"
	"b2bua/media/plane"
	"b2bua/media/relay"
)

// handshaker makes the keys of all legs with DTLS-SRTP. Its certificate lives in the data directory, so that the fingerprint stays.
func handshaker(cfg *config.Config, opt Options) (*dtls.Handshaker, error) {
	cert, warning, err := dtls.LoadCertificate(cfg.B2BUA.DataDirectory, time.Now())
	if err != nil {
		return nil, fmt.Errorf("the DTLS-SRTP certificate: %w", err)
	}
	if warning != nil && (!opt.Dataless || !errors.Is(warning, dtls.ErrNotKept)) {
		opt.Log.Warn(warning.Error())
	}
	return dtls.New(dtls.Config{Certificate: cert})
}

// keyEvent: the keys of the RTP channel are what a leg waits for; those of a separate RTCP port are told, and end no call.
func (s *server) keyEvent(now time.Time, ev plane.Event, number uint64, index int) {
	side := call.Side(ev.Side)
	switch {
	case ev.Kind == plane.Secured && ev.Channel == relay.RTP:
		s.engine.Secured(now, number, index, side, ev.Suite)
	case ev.Kind == plane.SecureFailed && ev.Channel == relay.RTP && !ev.Retried:
		s.engine.SecureFailed(now, number, index, side, ev.Err)
	case ev.Kind == plane.SecureFailed:
		s.report(event.Media{Call: number, Stream: index, Leg: side.String(), Bad: true, What: fmt.Sprintf("%v: the no new keys yet: %v", ev.Channel, ev.Err)})
	}
}
