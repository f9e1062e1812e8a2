package dialog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/core/dialog"
	"b2bua/core/sip"
)

func addr(t *testing.T, s string) sip.Address {
	t.Helper()
	a, err := sip.ParseAddress(s)
	require.NoError(t, err)
	return a
}

func addrs(t *testing.T, list ...string) []sip.Address {
	t.Helper()
	var out []sip.Address
	for _, s := range list {
		out = append(out, addr(t, s))
	}
	return out
}

func invite(t *testing.T) *sip.Message {
	t.Helper()
	return &sip.Message{
		Method: sip.INVITE, URI: addr(t, "<sip:bob@biloxi.com>").URI, From: addr(t, "<sip:alice@atlanta.com>;tag=1928301774"),
		To: addr(t, "<sip:bob@biloxi.com>"), CallID: "a84b4c76e66710", CSeq: sip.CSeq{Number: 314159, Method: sip.INVITE}, MaxForwards: 70,
		Contact: addrs(t, "<sip:alice@pc33.atlanta.com>"),
	}
}

func ok(t *testing.T, req *sip.Message) *sip.Message {
	t.Helper()
	resp := sip.NewResponse(req, 200, "", "a6c85cf")
	resp.Contact = addrs(t, "<sip:bob@192.0.2.4>")
	return resp
}

// Section 12.1.1: the UAS takes the route set in the order of Record-Route, the UAC (12.1.2) in reverse.
func TestRouteSetOrder(t *testing.T) {
	routes := addrs(t, "<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
	inv := invite(t)
	inv.RecordRoute = routes
	uas := dialog.NewUAS(inv, "a6c85cf")
	require.Equal(t, routes, uas.Request(sip.BYE).Route)

	uac, err := dialog.NewUAC(invite(t), ok(t, inv))
	require.NoError(t, err)
	require.Equal(t, addrs(t, "<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"), uac.Request(sip.BYE).Route)
}

// Section 12.1.1: without a Contact the From URI is the only address left.
func TestTargetWithoutContact(t *testing.T) {
	inv := invite(t)
	inv.Contact = nil
	require.Equal(t, inv.From.URI, dialog.NewUAS(inv, "x").Target())
}

// Section 12.1.2: a missing To tag is a null tag.
func TestNullTag(t *testing.T) {
	resp := ok(t, invite(t))
	resp.To = invite(t).To
	d, err := dialog.NewUAC(invite(t), resp)
	require.NoError(t, err)
	require.Empty(t, d.ID().Remote)
	require.False(t, d.Request(sip.BYE).To.Params.Has("tag"))
}

func TestResponseOfAnotherCall(t *testing.T) {
	resp := ok(t, invite(t))
	resp.CallID = "other"
	_, err := dialog.NewUAC(invite(t), resp)
	require.ErrorContains(t, err, "does not belong")
}

// Section 12.2.1.1: tags, Call-ID, growing CSeq, target as Request-URI, no Contact where it is not a target refresh.
func TestRequestInsideDialog(t *testing.T) {
	d, err := dialog.NewUAC(invite(t), ok(t, invite(t)))
	require.NoError(t, err)
	d.Contact = addr(t, "<sip:alice@pc33.atlanta.com>")
	bye := d.Request(sip.BYE)
	require.Equal(t, "sip:bob@192.0.2.4", bye.URI.String())
	require.Equal(t, "1928301774", bye.From.Tag())
	require.Equal(t, "a6c85cf", bye.To.Tag())
	require.Equal(t, "a84b4c76e66710", bye.CallID)
	require.Equal(t, sip.CSeq{Number: 314160, Method: sip.BYE}, bye.CSeq)
	require.Empty(t, bye.Contact)
	again := d.Request(sip.INVITE)
	require.Equal(t, uint32(314161), again.CSeq.Number)
	require.Equal(t, []sip.Address{d.Contact}, again.Contact)
	require.Equal(t, dialog.ID{CallID: "a84b4c76e66710", Local: "1928301774", Remote: "a6c85cf"}, d.ID())
}

// Section 12.2.1.1: a strict router becomes the Request-URI and the target goes to the end of the route.
func TestStrictRouter(t *testing.T) {
	inv := invite(t)
	inv.RecordRoute = addrs(t, "<sip:strict.example.com>", "<sip:loose.example.com;lr>")
	d := dialog.NewUAS(inv, "x")
	bye := d.Request(sip.BYE)
	require.Equal(t, "sip:strict.example.com", bye.URI.String())
	require.Equal(t, addrs(t, "<sip:loose.example.com;lr>", "<sip:alice@pc33.atlanta.com>"), bye.Route)
	require.Equal(t, "sip:strict.example.com", d.NextHop().String())
}

// Section 12.2.2: lower and equal sequence numbers are refused with 500, gaps are fine, an ACK never counts.
func TestSequenceNumbers(t *testing.T) {
	d := dialog.NewUAS(invite(t), "x")
	for _, c := range []struct {
		method sip.Method
		seq    uint32
		status int
	}{{sip.ACK, 314159, 0}, {sip.INFO, 314159, 500}, {sip.INFO, 314158, 500}, {sip.INFO, 314161, 0}, {sip.BYE, 314160, 500}, {sip.BYE, 314999, 0}} {
		status, err := d.Receive(&sip.Message{Method: c.method, CSeq: sip.CSeq{Number: c.seq, Method: c.method}})
		require.Equal(t, c.status, status, "%v", c)
		require.Equal(t, c.status != 0, err != nil, "%v", c)
	}
}

// Section 12.2.2: before the peer's first request any number is right.
func TestFirstRequestOfCallee(t *testing.T) {
	d, err := dialog.NewUAC(invite(t), ok(t, invite(t)))
	require.NoError(t, err)
	status, err := d.Receive(&sip.Message{Method: sip.BYE, CSeq: sip.CSeq{Number: 0, Method: sip.BYE}})
	require.NoError(t, err)
	require.Zero(t, status)
}

// Section 12.2: re-INVITE and UPDATE refresh the target, also by their 2xx; other messages do not.
func TestTargetRefresh(t *testing.T) {
	d := dialog.NewUAS(invite(t), "x")
	move := func(m *sip.Message, to string) string {
		m.Contact = addrs(t, to)
		d.UpdateTarget(m)
		return d.Target().String()
	}
	seq := func(m sip.Method) sip.CSeq { return sip.CSeq{Number: 2, Method: m} }
	require.Equal(t, "sip:a@1", move(&sip.Message{Method: sip.INVITE, CSeq: seq(sip.INVITE)}, "<sip:a@1>"))
	require.Equal(t, "sip:a@1", move(&sip.Message{Method: sip.INFO, CSeq: seq(sip.INFO)}, "<sip:a@2>"))
	require.Equal(t, "sip:a@3", move(&sip.Message{Status: 200, CSeq: seq(sip.UPDATE)}, "<sip:a@3>"))
	require.Equal(t, "sip:a@3", move(&sip.Message{Status: 486, CSeq: seq(sip.INVITE)}, "<sip:a@4>"))
}

// Section 13.2.2.4: the ACK has the INVITE's number and consumes none.
func TestAckOfInvite(t *testing.T) {
	d, err := dialog.NewUAC(invite(t), ok(t, invite(t)))
	require.NoError(t, err)
	ack := d.Ack(314159)
	require.Equal(t, sip.CSeq{Number: 314159, Method: sip.ACK}, ack.CSeq)
	require.Equal(t, uint32(314160), d.Request(sip.BYE).CSeq.Number)
}
