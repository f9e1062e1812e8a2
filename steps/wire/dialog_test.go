package wire

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTwoCalleesBehindOneInvite: each has a dialog of its own, and requests are told apart by their tags.
func TestTwoCalleesBehindOneInvite(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	alice, bob := phone(t, "alice", "udp"), phone(t, "bob", "udp")
	out, err := alice.Call(bob.Addr(), Setup{RequestURI: "sip:bob@x", From: "<sip:alice@x>", To: "<sip:bob@x>"})
	require.NoError(t, err)
	first, err := bob.AwaitCall(ctx)
	require.NoError(t, err)
	second := first.Sibling()
	require.NoError(t, second.Answer(200, "OK", ""))
	_, err = second.AwaitRequest(ctx, "ACK")
	require.NoError(t, err)
	assert.Empty(t, bob.All(first.Is("ACK")))
	local, remote := second.Tags()
	theirs, ours := out.Tags()
	assert.Equal(t, []string{local, remote}, []string{ours, theirs})
	_, err = out.Request("BYE", "")
	require.NoError(t, err)
	_, err = second.AwaitRequest(ctx, "BYE")
	require.NoError(t, err)
	assert.True(t, second.Over())
	assert.False(t, first.Over())
	require.NoError(t, first.Answer(480, "Gone", ""))
}

// TestReinviteIsAcknowledged with the branch that RFC 3261 wants: a new one for a 2xx, the INVITE's own for a refusal.
func TestReinviteIsAcknowledged(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	alice, bob := phone(t, "alice", "tcp"), phone(t, "bob", "tcp")
	out, err := alice.Call(bob.Addr(), Setup{RequestURI: "sip:bob@x", From: "<sip:alice@x>", To: "<sip:bob@x>"})
	require.NoError(t, err)
	in, err := bob.AwaitCall(ctx)
	require.NoError(t, err)
	require.NoError(t, in.Answer(200, "OK", ""))
	_, err = in.AwaitRequest(ctx, "ACK")
	require.NoError(t, err)
	for _, status := range []int{200, 488} {
		branch, err := out.Request("INVITE", "")
		require.NoError(t, err)
		m, err := in.AwaitRequest(ctx, "INVITE")
		require.NoError(t, err)
		require.NoError(t, in.Reply(m, status, "As Told", "v=0\r\n"))
		answer, err := out.AwaitResponse(ctx, branch)
		require.NoError(t, err)
		assert.Equal(t, status, answer.Status())
		require.NoError(t, out.Acknowledge(answer, "v=1\r\n"))
		ack, err := in.AwaitRequest(ctx, "ACK")
		require.NoError(t, err)
		assert.Equal(t, "v=1\r\n", ack.Body)
		assert.Equal(t, status == 488, Parameter(ack.Get("Via"), "branch") == branch)
	}
}

func TestOrigin(t *testing.T) {
	id, version, ok := Origin("v=0\r\no=- 47 11 IN IP4 127.0.0.1\r\ns=-\r\n")
	assert.True(t, ok)
	assert.Equal(t, "47", id)
	assert.Equal(t, uint64(11), version)
	_, _, ok = Origin("v=0\r\ns=-\r\n")
	assert.False(t, ok)
}

// TestConnectionBreaks: what is sent next takes a new connection.
func TestConnectionBreaks(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	alice, bob := phone(t, "alice", "tcp"), phone(t, "bob", "tcp")
	for _, id := range []string{"1", "2"} {
		require.NoError(t, alice.Send(bob.Addr(), []byte("OPTIONS sip:bob@x SIP/2.0\r\nCall-ID: "+id+"\r\nCSeq: 1 OPTIONS\r\n\r\n")))
		_, err := bob.Await(ctx, "OPTIONS", func(m *Received) bool { return m.Get("Call-ID") == id })
		require.NoError(t, err)
		alice.Hangup()
	}
}
