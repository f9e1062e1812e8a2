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

// keyEvent: the keys of the RTP channel are what a leg waits for. Those of a separate RTCP port end no call; what became of them is told
// once RTP has keys: without, one line about the leg is enough.
func (s *server) keyEvent(now time.Time, ev plane.Event, number uint64, index int) {
	side := call.Side(ev.Side)
	st := s.streams[streamKey{number, index}]
	switch {
	case ev.Inherited && st.keyed[side]: // told before
	case ev.Kind == plane.Secured && ev.Channel == relay.RTP:
		s.engine.Secured(now, number, index, side, ev.Suite, agreedByZRTP(ev.ZRTP))
		st.keyed[side] = true
		if err := st.control[side]; err != nil {
			st.control[side] = nil
			s.noControl(number, index, side, err)
		}
	case ev.Kind == plane.SecureFailed && ev.Retried:
		if ev.Channel == relay.RTP {
			s.engine.SecureDelayed(number, side, ev.Err)
		}
		s.report(event.Media{Call: number, Stream: index, Leg: side.String(), Bad: true, What: fmt.Sprintf("%v: no new keys yet: %v", ev.Channel, ev.Err)})
	case ev.Kind == plane.SecureFailed && ev.Channel == relay.RTP:
		s.engine.SecureFailed(now, number, index, side, withCause(ev.Err))
	case ev.Kind == plane.SecureFailed && st.keyed[side]:
		s.noControl(number, index, side, ev.Err)
	case ev.Kind == plane.SecureFailed:
		st.control[side] = ev.Err
	}
}

func (s *server) noControl(number uint64, index int, side call.Side, err error) {
	s.report(event.Media{Call: number, Stream: index, Leg: side.String(), Bad: true, What: fmt.Sprintf(
		"RTCP has no keys and gets none: %v; the call goes on without reports of this leg", withCause(err))})
}

// withCause adds what is behind a failure most of the time.
func withCause(err error) error {
	if errors.Is(err, dtls.ErrFingerprint) {
		return fmt.Errorf("%w; a proxy on the way rewrites SDP, or another device answers there", err)
	}
	return err
}
