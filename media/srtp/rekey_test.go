package srtp

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

// at makes a Sender's next packet of an SSRC have an index with that roll-over counter.
func at(s *Sender, ssrc uint32, top uint64) *Sender {
	s.find(ssrc).sent.use(top)
	return s
}

// The first packet under a new key tells whether the sender kept its roll-over counter; forged ones tell nothing.
func TestFollow(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		const top = 5<<16 + 65530
		for name, index := range map[string]uint64{
			"kept": top + 1, "kept over a roll-over": top + 20, "kept, and late": top - 3, "from 0": 65531, "from 0 anywhere": 30000,
		} {
			_, old := pair(t, crypto(suite, 1))
			old.touch(nil, 7).rtp.use(top)
			s, r := pair(t, crypto(suite, 2))
			r.Follow(old)
			at(s, 7, index)
			for i := range uint64(300) {
				plain := packet(uint16(index+i+1), 7, 100)
				w, err := s.Protect(room(plain))
				require.NoError(t, err)
				if i < 3 {
					forged := bytes.Clone(w)
					forged[40] ^= 1
					_, err := r.Unprotect(forged)
					require.ErrorIs(t, err, ErrAuth, name)
				}
				kept := bytes.Clone(w)
				got, err := r.Unprotect(w)
				require.NoError(t, err, "%s %d", name, i)
				require.Equal(t, plain, got)
				_, err = r.Unprotect(kept)
				require.ErrorIs(t, err, ErrReplay)
			}
		}
	})
}

// What was expected of an SSRC that nothing came of goes on to the next key, and makes room for SSRCs that come.
func TestFollowTwice(t *testing.T) {
	_, first := pair(t, crypto(sdp.AEADAES128GCM, 1))
	for ssrc := range uint32(MaxReceived) {
		first.touch(nil, ssrc).rtp.use(1 << 16)
	}
	_, second := pair(t, crypto(sdp.AESCM128SHA180, 2))
	second.Follow(first)
	s, third := pair(t, crypto(sdp.AEADAES128GCM, 3))
	third.Follow(second)
	w, err := at(s, 7, 1<<16+5).Protect(packet(6, 7, 100))
	require.NoError(t, err)
	_, err = third.Unprotect(w)
	require.NoError(t, err)
	for ssrc := range uint32(MaxReceived - 1) {
		w, err := s.Protect(packet(6, 100+ssrc, 100))
		require.NoError(t, err)
		_, err = third.Unprotect(w)
		require.NoError(t, err)
	}
	require.Zero(t, third.Evicted(), "nothing that was received under this key")
	require.NotNil(t, third.find(7))
}

// A Receiver that resumes has the windows of the one before, of SRTP and of SRTCP, and nothing of those without a packet.
func TestResume(t *testing.T) {
	each(t, func(t *testing.T, suite sdp.Suite) {
		s, r := pair(t, crypto(suite, 1))
		_, other := pair(t, crypto(suite, 2))
		other.touch(nil, 9).rtp.use(1 << 16)
		r.Follow(other)
		media, err := s.Protect(packet(5, 7, 100))
		require.NoError(t, err)
		control, err := s.ProtectRTCP(report(t, 7, 1))
		require.NoError(t, err)
		_, err = r.Unprotect(bytes.Clone(media))
		require.NoError(t, err)
		_, err = r.UnprotectRTCP(bytes.Clone(control))
		require.NoError(t, err)
		seen := r.Windows()
		require.Len(t, seen, 1)
		r.Wipe()
		_, again := pair(t, crypto(suite, 1))
		again.Resume(seen)
		_, err = again.Unprotect(media)
		require.ErrorIs(t, err, ErrReplay)
		_, err = again.UnprotectRTCP(control)
		require.ErrorIs(t, err, ErrReplay)
	})
}

// Packets that nobody can open cost no memory while the counter is uncertain.
func TestFollowAllocatesNothing(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
		_, old := pair(t, crypto(suite, 1))
		old.touch(nil, 7).rtp.use(1<<16 + 5)
		_, r := pair(t, crypto(suite, 2))
		r.Follow(old)
		forged := packet(6, 7, 150)
		_, err := r.Unprotect(forged)
		require.ErrorIs(t, err, ErrAuth)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = r.Unprotect(forged) }))
	}
}
