package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"b2bua/core/call"
	"b2bua/core/config"
	"b2bua/core/event"
	"b2bua/media/plane"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/sqlcache"
)

// secrets opens what is remembered of phones with ZRTP, in the data directory or in memory.
func secrets(cfg *config.Config, opt Options) (*sqlcache.Store, error) {
	dir := cfg.B2BUA.DataDirectory
	if opt.Dataless {
		dir = ""
	}
	store, err := sqlcache.Open(dir, sqlcache.Options{Warn: func(err error) { opt.Log.Warn(err.Error()) }})
	if err != nil {
		return nil, fmt.Errorf("ZRTP: %w", err)
	}
	return store, nil
}

// zrtpConfig is ZRTP for the media plane.
func zrtpConfig(cfg *config.Config, cache *sqlcache.Store) *plane.ZRTPConfig {
	return &plane.ZRTPConfig{
		ZID: cache.ZID(), Client: zrtpClient(config.Version), Lists: zrtp.DefaultLists(), Cache: cache, JobsPerSecond: cfg.Own.ZRTPRate,
	}
}

// zrtpClient is how we call ourselves: 16 characters (RFC 6189 section 5.2).
func zrtpClient(version string) string {
	name := "b2bua " + version
	return name[:min(len(name), 16)]
}

// lastWrites is how long a stop waits for the disk after all calls are over.
const lastWrites = time.Second

// closeSecrets writes what waits to be written.
func closeSecrets(store *sqlcache.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), lastWrites)
	defer cancel()
	return store.Close(ctx)
}

// hello is the value of a=zrtp-hash for one leg of a stream.
func (s *server) hello(number uint64, index int, side call.Side) string {
	st := s.streams[streamKey{number, index}]
	if st == nil {
		return ""
	}
	return st.ZRTPHash(plane.Side(side))
}

// compareSAS notes that people compared the SAS of a leg; its streams share one.
func (s *server) compareSAS(number uint64, leg string, same bool) (string, error) {
	side := call.SideA
	if leg == "B" {
		side = call.SideB
	}
	sas := s.engine.SAS(number, side)
	if sas == "" {
		return "", fmt.Errorf("call %d has no SAS on leg %s: it does not run, or the leg has no ZRTP of ours (b2bua ctl calls)", number, leg)
	}
	err := plane.ErrNotSecure
	for i := range s.counts[number] {
		if st := s.streams[streamKey{number, i}]; st != nil && err != nil {
			err = st.ConfirmSAS(plane.Side(side), same)
		}
	}
	if err != nil {
		return "", fmt.Errorf("call %d: leg %s: %w", number, leg, err)
	}
	s.engine.Compared(number, side, same)
	s.drain(time.Now())
	return sas, nil
}

// agreedByZRTP is a report for people and logs.
func agreedByZRTP(r *zrtp.Report) *event.ZRTP {
	if r == nil {
		return nil
	}
	return &event.ZRTP{
		SAS: r.SAS, Hash: r.Suite.Hash.Code().String(), Cipher: r.Suite.Cipher.Code().String(), Agreement: r.Suite.Agreement.String(),
		Client: strings.TrimSpace(r.Client), ZID: hex.EncodeToString(r.Peer[:]),
		Continuity: r.Continuity, Mismatch: r.Mismatch, AuxMismatch: r.AuxMismatch, Verified: r.Verified, PeerVerified: r.PeerVerified,
		HashVerified: r.HashVerified, PeerMitM: r.PeerMitM, Disclosure: r.Disclosure,
	}
}
