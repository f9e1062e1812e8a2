package transaction

import (
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// long is a message as it comes from the network, with so much in its head that a substring of it would be an expensive one.
func long(t *testing.T, m *sip.Message) (*sip.Message, weak.Pointer[byte]) {
	t.Helper()
	m = m.Clone()
	m.Add("X-Pad", strings.Repeat("x", 60000))
	m = parsed(t, m.Bytes())
	pad, _ := m.Header("X-Pad")
	return m, weak.Make(unsafe.StringData(pad))
}

// Transactions that are finished, or wait for the user alone, do not keep the text of the messages that they were made of.
func TestTransactionsKeepNoText(t *testing.T) {
	b := newBench(t)
	var texts []weak.Pointer[byte]
	in := func(m *sip.Message) *sip.Message {
		m, text := long(t, m)
		texts = append(texts, text)
		b.Receive(b.now, m, udpPath)
		return m
	}
	last := func() ID {
		out := b.outputs()
		return out[len(out)-1].Tx
	}
	func() {
		for i, status := range []int{0, 180, 200, 486} { // 0: not answered yet
			m := in(newRequest(sip.INVITE, string(rune('a'+i))))
			if id := last(); status != 0 {
				b.Respond(b.now, id, sip.NewResponse(m, status, "", ""))
			}
		}
		for i, tag := range []string{"", "bob"} {
			m := newRequest("FLY", string(rune('m'+i)))
			m.To = m.To.WithTag(tag)
			m = in(m)
			b.Respond(b.now, last(), sip.NewResponse(m, 200, "", ""))
		}
		in(newRequest(sip.CANCEL, "nothing"))
		for i, status := range []int{200, 486} {
			m := newRequest(sip.INVITE, string(rune('x'+i)))
			b.outputs()
			id := b.start(m, udpPath)
			with, text := long(t, newRequest(sip.INVITE, "reason"))
			texts = append(texts, text)
			reason, _ := with.Header("X-Pad")
			b.Cancel(b.now, id, []sip.Header{{Name: "Reason", Value: reason}})
			in(sip.NewResponse(m, status, "", "bob"))
			b.Ack(id, ackOf(m, "bob"), udpPath)
		}
	}()
	b.out, b.spare = nil, nil // the shell's, which clears what it has carried out
	require.Equal(t, 9, b.Len())
	for i, text := range texts {
		for deadline := time.Now().Add(10 * time.Second); text.Value() != nil; runtime.GC() {
			require.True(t, time.Now().Before(deadline), "text %d is kept", i)
		}
	}
	assert.Equal(t, 2, b.Pending())
	for id, x := range b.byID {
		if x.pending {
			defer b.Forget(id)
		}
	}
}
