package control

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/event"
)

func TestCalls(t *testing.T) {
	now := time.Unix(1000, 0).UTC()
	calls := &Calls{Now: func() time.Time { return now }}
	one, two := event.Call{Number: 1, A: "a1", B: "b1"}, event.Call{Number: 2, A: "a2"}
	for _, ev := range []event.Event{
		event.Secured{Call: one, Leg: "leg A", What: "a call that nobody saw begin"},
		event.Refused{Call: event.Call{A: "a0"}},
		event.Received{Call: two, From: "sip:pauline@x", To: "sip:marie@x"},
		event.Received{Call: event.Call{Number: 1, A: "a1"}, From: "sip:marie@x", To: "sip:pauline@x"},
		event.Placed{Call: one, Callee: "sip:pauline@y", Why: "outgoing-enc-regex rule 2", Line: event.Line{Provider: "p", Account: "sip:l@y"}},
		event.Progress{Call: one},
		event.Answered{Call: one, MediaA: "audio PCMA/8000 none", MediaB: "audio PCMA/8000 zrtp"},
		event.Secured{Call: one, Leg: "leg B", What: "audio zrtp AES_CM_128_HMAC_SHA1_80", ZRTP: &event.ZRTP{SAS: "abcd", Agreement: "X255", Client: "Phone", Verified: true, PeerVerified: true}},
		event.Secured{Call: one, Leg: "leg B", What: "video zrtp AES_CM_128_HMAC_SHA1_80", ZRTP: &event.ZRTP{SAS: "abcd", Agreement: "Mult"}},
		event.Secured{Call: one, Leg: "leg B", What: "video zrtp AES_CM_128_HMAC_SHA1_80"},
		event.Note{Call: one, What: "something"},
	} {
		calls.Note(ev)
	}
	yes := true
	want := Call{
		Number: 1, State: "running", From: "sip:marie@x", To: "sip:pauline@x", Callee: "sip:pauline@y", Why: "outgoing-enc-regex rule 2", Provider: "p", Account: "sip:l@y", Since: now, Answer: now,
		A: Leg{CallID: "a1", Media: "audio PCMA/8000 none"},
		B: Leg{
			CallID: "b1", Media: "audio PCMA/8000 zrtp", SAS: "abcd", Verified: &yes, Phone: "Phone",
			ZRTP:    &ZRTP{Agreement: "X255", VerifiedHere: true, VerifiedByPhone: true},
			Secured: []string{"audio zrtp AES_CM_128_HMAC_SHA1_80", "video zrtp AES_CM_128_HMAC_SHA1_80"},
		},
	}
	list := calls.List()
	require.Len(t, list, 2)
	assert.Equal(t, want, list[0])
	assert.Equal(t, "received", list[1].State)

	own := &Own{Calls: calls, Status: func() Status { return Status{Version: "1", Calls: calls.Len()} }, Retry: func(string) int { return 3 }}
	var doc struct{ Calls []Call }
	require.NoError(t, json.Unmarshal([]byte(own.Handle("B2BUA", []string{"CALLS"})()), &doc))
	assert.Equal(t, list, doc.Calls)
	assert.Contains(t, own.Handle("B2BUA", []string{"STATUS"})(), `"calls":2`)
	assert.JSONEq(t, `{"accounts":3}`, own.Handle("B2BUA", []string{"REGISTER", "all"})())
	assert.Contains(t, own.Handle("B2BUA", nil)(), "CALLS")
	assert.Nil(t, own.Handle("OTHER", nil))

	calls.Note(event.Released{Call: one})
	calls.Note(event.Failed{Call: two})
	assert.Zero(t, calls.Len())
	assert.Equal(t, `{"calls":[]}`, own.Handle("B2BUA", []string{"CALLS"})())
}
