package ice

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Unix(1_700_000_000, 0)
	one   = netip.MustParseAddrPort("192.0.2.1:4000")
	two   = netip.MustParseAddrPort("198.51.100.2:5000")
	six   = netip.MustParseAddrPort("[2001:db8::7]:6000")
)

// source is randomness with a seed.
type source struct{ r *rand.Rand }

func (s source) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.r.Uint32())
	}
	return len(b), nil
}

func credentials(t testing.TB, seed uint64) Credentials {
	t.Helper()
	c, err := NewCredentials(source{rand.New(rand.NewPCG(seed, 1))})
	require.NoError(t, err)
	return c
}

// put is a Setter of any attribute.
type put stun.RawAttribute

func (p put) AddTo(m *stun.Message) error { m.Add(p.Type, p.Value); return nil }

func attribute(t stun.AttrType, v ...byte) stun.Setter { return put{Type: t, Value: v} }

func priority(n uint32) stun.Setter {
	return attribute(stun.AttrPriority, binary.BigEndian.AppendUint32(nil, n)...)
}

var (
	controlling = attribute(stun.AttrICEControlling, 1, 2, 3, 4, 5, 6, 7, 8)
	controlled  = attribute(stun.AttrICEControlled, 1, 2, 3, 4, 5, 6, 7, 8)
	use         = attribute(stun.AttrUseCandidate)
)

// check is a request as a full agent sends it, with more attributes.
func check(t testing.TB, c Credentials, more ...stun.Setter) []byte {
	t.Helper()
	list := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.Ufrag + ":them")}, more...)
	m, err := stun.Build(append(list, stun.NewShortTermIntegrity(string(c.Pwd)), stun.Fingerprint)...)
	require.NoError(t, err)
	return m.Raw
}

// answered takes a response apart: its code is 0 for a success.
func answered(t testing.TB, request, b []byte, c Credentials) (code int, mapped netip.AddrPort) {
	t.Helper()
	m := &stun.Message{Raw: b}
	require.NoError(t, m.Decode())
	assert.Equal(t, request[8:20], b[8:20], "the transaction")
	require.NoError(t, stun.Fingerprint.Check(m))
	if m.Type == stun.BindingError {
		var e stun.ErrorCodeAttribute
		require.NoError(t, e.GetFrom(m))
		if e.Code != codeBadRequest && e.Code != codeUnauthenticated {
			require.NoError(t, stun.MessageIntegrity(c.Pwd).Check(m))
		} else {
			assert.False(t, m.Contains(stun.AttrMessageIntegrity))
		}
		return int(e.Code), mapped
	}
	require.Equal(t, stun.BindingSuccess, m.Type)
	require.NoError(t, stun.MessageIntegrity(c.Pwd).Check(m))
	var x stun.XORMappedAddress
	require.NoError(t, x.GetFrom(m))
	ip, _ := netip.AddrFromSlice(x.IP)
	return 0, netip.AddrPortFrom(ip.Unmap(), uint16(x.Port))
}

func TestACheckIsAnsweredAndSelectsNothing(t *testing.T) {
	c := credentials(t, 1)
	a := New(Params{Local: c})
	for _, from := range []netip.AddrPort{one, two, six} {
		req := check(t, c, controlling, priority(7))
		out, res := a.Handle(start, RTP, from, req, nil)
		code, mapped := answered(t, req, out, c)
		assert.Zero(t, code)
		assert.Equal(t, from, mapped)
		assert.Equal(t, Result{Checked: true}, res)
	}
	assert.False(t, a.Selected(RTP).IsValid())
}

func TestANominationSelectsThePairOfItsComponent(t *testing.T) {
	c := credentials(t, 1)
	a := New(Params{Local: c})
	_, res := a.Handle(start, RTP, one, check(t, c, controlling, priority(7), use), nil)
	assert.Equal(t, Result{Checked: true, Selected: true}, res)
	assert.Equal(t, one, a.Selected(RTP))
	assert.False(t, a.Selected(RTCP).IsValid())
	_, res = a.Handle(start, RTP, one, check(t, c, controlling, priority(7), use), nil)
	assert.False(t, res.Selected, "told once")
	_, res = a.Handle(start, RTCP, two, check(t, c, controlling, priority(7), use), nil)
	assert.True(t, res.Selected)
	assert.Equal(t, two, a.Selected(RTCP))
	assert.Equal(t, one, a.Selected(RTP))
}

// An agent of RFC 5245 may nominate with every check: the best counts. One that moves later has no better any more.
func TestTheBestNominationCountsAndLaterTheNewest(t *testing.T) {
	c := credentials(t, 1)
	a := New(Params{Local: c})
	nominate := func(after time.Duration, from netip.AddrPort, p uint32) netip.AddrPort {
		_, _ = a.Handle(start.Add(after), RTP, from, check(t, c, controlling, priority(p), use), nil)
		return a.Selected(RTP)
	}
	assert.Equal(t, one, nominate(0, one, 10))
	assert.Equal(t, one, nominate(20*time.Millisecond, two, 5), "worse")
	assert.Equal(t, six, nominate(40*time.Millisecond, six, 20), "better")
	assert.Equal(t, six, nominate(time.Second, six, 20))
	assert.Equal(t, six, nominate(listTakes-1, two, 5))
	assert.Equal(t, six, nominate(listTakes, six, 20), "with each check of consent")
	assert.Equal(t, two, nominate(listTakes, two, 5), "it has left the other network")
	assert.Equal(t, two, nominate(time.Hour, two, 5))
	assert.Equal(t, one, nominate(time.Hour, one, 1))
}

// Every check has the priority that a candidate would have that only the check tells of: the description knows that one of them is relayed.
func TestThePrioritiesOfTheDescriptionCount(t *testing.T) {
	c := credentials(t, 1)
	a := New(Params{Local: c, Listed: [2][]Listed{{{one, 2130706431}, {two, 16777215}}}})
	for _, given := range []struct{ from, want netip.AddrPort }{{two, two}, {one, one}, {two, one}, {six, one}, {one, one}} {
		_, _ = a.Handle(start, RTP, given.from, check(t, c, controlling, priority(1862270975), use), nil)
		assert.Equal(t, given.want, a.Selected(RTP))
	}
}

// After a restart the peer's list is at work once more, and its first nomination counts whatever was before.
func TestABetterPairOfBeforeARestartKeepsNothingOff(t *testing.T) {
	c, next := credentials(t, 1), credentials(t, 2)
	a := New(Params{Local: c})
	try := func(with Credentials, from netip.AddrPort, p uint32) netip.AddrPort {
		_, _ = a.Handle(start, RTP, from, check(t, with, controlling, priority(p), use), nil)
		return a.Selected(RTP)
	}
	assert.Equal(t, one, try(c, one, 10))
	assert.Equal(t, Restart, a.Update(Params{Local: next}))
	assert.Equal(t, two, try(next, two, 5))
	assert.Equal(t, two, try(next, six, 4))
	assert.Equal(t, None, a.Update(Params{Local: next}))
}

// A proxy forks our offer: a second phone answers, with our credentials and other ones of its own, and the first one does not know that yet.
func TestAnotherPhoneHasTheSameCredentials(t *testing.T) {
	c := credentials(t, 1)
	a := New(Params{Local: c, Peer: "first"})
	try := func(name string, from netip.AddrPort, p uint32) Result {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.Ufrag+":"+name), controlling, priority(p), use,
			stun.NewShortTermIntegrity(string(c.Pwd)), stun.Fingerprint)
		require.NoError(t, err)
		out, res := a.Handle(start, RTP, from, m.Raw, nil)
		code, _ := answered(t, m.Raw, out, c)
		assert.Zero(t, code, "everybody with the password is answered")
		return res
	}
	assert.True(t, try("first", one, 10).Selected)
	assert.Equal(t, Result{}, try("second", two, 20), "its description is not here")
	assert.Equal(t, AnotherPeer, a.Update(Params{Local: c, Peer: "second"}))
	assert.False(t, a.Selected(RTP).IsValid())
	assert.True(t, try("first", one, 10).Selected, "the second phone may name itself otherwise")
	assert.Equal(t, Result{Checked: true, Selected: true}, try("second", two, 5), "it does not, and is the peer, whatever the priority")
	assert.Equal(t, Result{}, try("first", one, 10))
	assert.Equal(t, two, a.Selected(RTP))
	assert.Equal(t, None, a.Update(Params{Local: c, Peer: "second"}))
	assert.Equal(t, two, a.Selected(RTP))
}

// An agent that writes something else behind the colon connects as well.
func TestAWrongNameBehindTheColon(t *testing.T) {
	c := credentials(t, 1)
	a := New(Params{Local: c, Peer: "somebody"})
	_, res := a.Handle(start, RTP, one, check(t, c, controlling, priority(7), use), nil)
	assert.Equal(t, Result{Checked: true, Selected: true}, res)
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	c, other := credentials(t, 1), credentials(t, 2)
	wrong := Credentials{Ufrag: c.Ufrag, Pwd: other.Pwd}
	noIntegrity, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.Ufrag+":x"), use, stun.Fingerprint)
	require.NoError(t, err)
	noColon, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.Ufrag), use, stun.NewShortTermIntegrity(string(c.Pwd)), stun.Fingerprint)
	require.NoError(t, err)
	for name, given := range map[string]struct {
		req  []byte
		code int
	}{
		"no integrity":         {noIntegrity.Raw, 400},
		"no colon":             {noColon.Raw, 401},
		"another password":     {check(t, wrong, controlling, use), 401},
		"an unknown attribute": {check(t, c, controlling, use, attribute(0x7fff, 1)), 420},
		"the controlled role":  {check(t, c, controlled, use), 487},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(Params{Local: c})
			out, res := a.Handle(start, RTP, one, given.req, nil)
			code, _ := answered(t, given.req, out, c)
			assert.Equal(t, given.code, code)
			assert.Equal(t, Result{}, res)
			assert.False(t, a.Selected(RTP).IsValid())
			if code == codeUnknown {
				m := &stun.Message{Raw: out}
				require.NoError(t, m.Decode())
				var u stun.UnknownAttributes
				require.NoError(t, u.GetFrom(m))
				assert.Equal(t, stun.UnknownAttributes{0x7fff}, u)
			}
		})
	}
}

// An answer is longer than a request that knows nothing, and its source may be forged.
func TestStrangersGetNoAnswer(t *testing.T) {
	c, other := credentials(t, 1), credentials(t, 2)
	build := func(list ...stun.Setter) []byte {
		m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, list...)...)
		require.NoError(t, err)
		return m.Raw
	}
	for name, req := range map[string][]byte{
		"a header alone":         build(),
		"no user name":           build(use, stun.NewShortTermIntegrity(string(c.Pwd)), stun.Fingerprint),
		"the peer's name alone":  build(stun.NewUsername(":them"), stun.NewShortTermIntegrity(string(c.Pwd)), stun.Fingerprint),
		"another user":           check(t, other, controlling, use),
		"stranger and attribute": check(t, other, attribute(0x7fff, 1), use),
	} {
		a := New(Params{Local: c})
		out, res := a.Handle(start, RTP, one, req, []byte("before"))
		assert.Equal(t, "before", string(out), name)
		assert.Equal(t, Result{}, res, name)
	}
}

func TestWhatIsBehindTheIntegrityDoesNotCount(t *testing.T) {
	c := credentials(t, 1)
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.Ufrag+":x"), controlling,
		stun.NewShortTermIntegrity(string(c.Pwd)), use, attribute(0x7fff, 1), stun.Fingerprint)
	require.NoError(t, err)
	a := New(Params{Local: c})
	out, res := a.Handle(start, RTP, one, m.Raw, nil)
	code, _ := answered(t, m.Raw, out, c)
	assert.Zero(t, code)
	assert.Equal(t, Result{Checked: true}, res)
}

func TestSilence(t *testing.T) {
	c := credentials(t, 1)
	good := check(t, c, controlling, use)
	indication, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.Fingerprint)
	require.NoError(t, err)
	response, err := stun.Build(stun.TransactionID, stun.BindingSuccess, stun.Fingerprint)
	require.NoError(t, err)
	allocate, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), stun.Fingerprint)
	require.NoError(t, err)
	torn := append([]byte(nil), good...)
	torn[len(torn)-1] ^= 1
	old := append([]byte(nil), good...)
	old[4] = 0
	for name, b := range map[string][]byte{
		"nothing": nil, "a header's half": good[:10], "an indication": indication.Raw, "a response": response.Raw, "another method": allocate.Raw,
		"a wrong fingerprint": torn, "no magic cookie": old, "the end is missing": good[:len(good)-4], "more behind it": append(append([]byte(nil), good...), 0, 0, 0, 0),
		"longer than any": append(append([]byte(nil), good...), make([]byte, maxMessage)...),
	} {
		out, res := New(Params{Local: c}).Handle(start, RTP, one, b, nil)
		assert.Empty(t, out, name)
		assert.Equal(t, Result{}, res, name)
	}
}

func TestRestart(t *testing.T) {
	c, next := credentials(t, 1), credentials(t, 2)
	a := New(Params{Local: c})
	try := func(with Credentials, comp Component, from netip.AddrPort, more ...stun.Setter) (int, Result) {
		req := check(t, with, append(more, controlling, priority(9))...)
		out, res := a.Handle(start, comp, from, req, nil)
		code, _ := answered(t, req, out, with)
		return code, res
	}
	_, _ = try(c, RTP, one, use)
	a.Update(Params{Local: c})
	assert.Equal(t, one, a.Selected(RTP), "nothing changed")

	a.Update(Params{Local: next})
	assert.Equal(t, one, a.Selected(RTP), "media goes on")
	code, res := try(c, RTP, two, use)
	assert.Zero(t, code, "the old ones are answered")
	assert.Equal(t, Result{Checked: true, Former: true}, res, "and choose nothing any more")
	code, _ = try(next, RTP, two)
	assert.Zero(t, code)
	assert.Equal(t, one, a.Selected(RTP))
	code, res = try(next, RTP, two, use)
	assert.Zero(t, code)
	assert.True(t, res.Selected)
	assert.Equal(t, two, a.Selected(RTP))
	code, _ = try(c, RTP, one)
	assert.Equal(t, 401, code, "the old ones are over")
	code, _ = try(c, RTCP, one)
	assert.Zero(t, code, "but not on the component that the peer has not come to yet")

	_, res = try(next, RTP, one, use)
	assert.True(t, res.Selected)
	a.Update(Params{Local: next, PeerLite: true})
	code, res = try(next, RTP, six, use, controlled)
	assert.Zero(t, code, "two lite agents: there is no role to quarrel about")
	assert.False(t, res.Selected)
}

func TestTheSameAddressAfterARestartIsANominationToo(t *testing.T) {
	c, next := credentials(t, 1), credentials(t, 2)
	a := New(Params{Local: c})
	_, _ = a.Handle(start, RTP, one, check(t, c, controlling, use), nil)
	a.Update(Params{Local: next})
	_, res := a.Handle(start, RTP, one, check(t, next, controlling, use), nil)
	assert.True(t, res.Selected, "what was before it is over")
	_, res = a.Handle(start, RTP, one, check(t, next, controlling, use), nil)
	assert.False(t, res.Selected, "told once")
	req := check(t, c, controlling)
	out, _ := a.Handle(start, RTP, one, req, nil)
	code, _ := answered(t, req, out, c)
	assert.Equal(t, 401, code)
}

// The request of RFC 5769 section 2.1: its password and user name, and the role that a full peer must not have.
func TestRFC5769(t *testing.T) {
	req := []byte("\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client" +
		"\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09evtj:h6vY\x20\x20\x20" +
		"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf")
	c := Credentials{Ufrag: "evtj", Pwd: Secret("VOkJxbRl1RmTxUk/WvJxBt")}
	out, _ := New(Params{Local: c}).Handle(start, RTP, one, req, nil)
	code, _ := answered(t, req, out, c)
	assert.Equal(t, 487, code, "authentic, but not controlling")
	out, res := New(Params{Local: c, PeerLite: true}).Handle(start, RTP, netip.MustParseAddrPort("192.0.2.1:32853"), req, nil)
	code, mapped := answered(t, req, out, c)
	assert.Zero(t, code)
	assert.Equal(t, netip.MustParseAddrPort("192.0.2.1:32853"), mapped)
	assert.True(t, res.Checked)
	// Section 2.2: the same mapped address under the same transaction.
	assert.Contains(t, string(out), "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43")
	req[30] ^= 1 // the name of the software, which the integrity covers
	binary.BigEndian.PutUint32(req[len(req)-4:], stun.FingerprintValue(req[:len(req)-8]))
	out, _ = New(Params{Local: c}).Handle(start, RTP, one, req, nil)
	code, _ = answered(t, req, out, c)
	assert.Equal(t, 401, code)
}
