package zrtp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/internal/recorded"
	"b2bua/media/zrtp/wire"
)

func unmarshal(raw json.RawMessage, v any) error { return json.Unmarshal(raw, v) }

// readOnly checks what can be checked of a stream whose algorithms we leave out, and logs what that was.
func (a *actor) readOnly(ch recorded.Channel) {
	t := a.t
	done := []string{"every packet parsed"}
	for _, p := range ch.Packets {
		_, err := wire.Parse(p.Data)
		require.NoError(t, err)
	}
	var chain alg.Chain
	if ch.HashChain[a.name] != nil {
		chain = alg.NewChain(alg.Image(ch.HashChain[a.name]["H0"]))
	}
	if ch.HashChain[a.name] != nil {
		for i := range chain {
			assert.Equal(t, []byte(ch.HashChain[a.name][fmt.Sprintf("H%d", i)]), chain[i][:])
		}
		done = append(done, "hash chain")
	}
	hello, commit := a.messages(ch)
	if ch.HashChain[a.name] != nil {
		assert.True(t, fits(hello, chain[2]))
		done = append(done, "MAC of Hello")
		if commit != nil {
			assert.True(t, fits(commit, chain[1]))
			done = append(done, "MAC of Commit")
		}
		dhpart := ch.Messages["dhpart1"]
		if a.initiates(ch) {
			dhpart = ch.Messages["dhpart2"]
		}
		if dhpart != nil {
			assert.True(t, fits(dhpart, chain[0]))
			done = append(done, "MAC of DHPart")
		}
	}
	done = append(done, a.readKeys(ch)...)
	t.Logf("%s with %s is left out; checked: %s", ch.Algorithms.Agreement, ch.Algorithms.Hash, strings.Join(done, ", "))
}

// readKeys derives with what was recorded in place of what we cannot compute.
func (a *actor) readKeys(ch recorded.Channel) (done []string) {
	t := a.t
	h, ok := alg.HashOf(alg.ParseCode([]byte(ch.Algorithms.Hash)))
	s0, have := recorded.Value(ch.Derived, "s0")
	if !ok || !have {
		return nil
	}
	total := alg.TotalHash(h, ch.Messages["hello_responder"], ch.Messages["commit"], ch.Messages["dhpart1"], ch.Messages["dhpart2"])
	assert.Equal(t, value(ch, "total_hash"), total)
	done = append(done, "total_hash")
	c := alg.Context{
		Initiator: wire.ParseHello(ch.Messages["hello_initiator"]).ZID, Responder: wire.ParseHello(ch.Messages["hello_responder"]).ZID,
		TotalHash: total,
	}
	if result, ok := recorded.Value(ch.Derived, "dh_result"); ok {
		shared := alg.Shared{S1: value(ch, "s1"), S2: value(ch, "s2"), S3: value(ch, "s3")}
		assert.Equal(t, s0, []byte(alg.S0(h, result, c, shared)))
		hvi := alg.HVI(h, ch.Messages["dhpart2"], ch.Messages["hello_responder"])
		assert.Equal(t, value(ch, "hvi"), hvi[:])
		done = append(done, "s0", "hvi")
	}
	context := slices.Concat(c.Initiator[:], c.Responder[:], total)
	for name, label := range map[string]string{
		"zrtpsess": "ZRTP Session Key", "sashash": "SAS", "exported_key": "Exported key", "rs1_new": "retained secret",
		"mackeyi": "Initiator HMAC key", "mackeyr": "Responder HMAC key", "zrtpkeyi": "Initiator ZRTP key", "zrtpkeyr": "Responder ZRTP key",
		"srtpkeyi": "Initiator SRTP master key", "srtpkeyr": "Responder SRTP master key",
		"srtpsalti": "Initiator SRTP master salt", "srtpsaltr": "Responder SRTP master salt",
	} {
		if want, ok := recorded.Value(ch.Derived, name); ok {
			assert.Equal(t, want, []byte(h.KDF(s0, label, context, 8*len(want))), name)
			done = append(done, name)
		}
	}
	return done
}

func value(ch recorded.Channel, name string) []byte {
	v, _ := recorded.Value(ch.Derived, name)
	return v
}
