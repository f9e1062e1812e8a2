package zrtp

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/internal/recorded"
	"b2bua/media/zrtp/wire"
)

func transcripts(t testing.TB) *recorded.Set {
	t.Helper()
	set, err := recorded.Read("testdata/transcripts.json.gz")
	require.NoError(t, err)
	return set
}

// actor is one end of a recorded conversation, played by us with its private inputs.
type actor struct {
	t     *testing.T
	name  string // alice or bob
	cache Memory
}

// scene is one recorded stream that an actor takes part in.
type scene struct {
	*actor
	ch      recorded.Channel
	stream  *Stream
	now     time.Time
	traced  map[string][]byte
	sent    []wire.Packet
	effects []Effect
	ids     [][]byte // random IDs that are still to be drawn
}

func (a *actor) initiates(ch recorded.Channel) bool { return ch.Initiator == a.name }

func (a *actor) confirmation(ch recorded.Channel) *recorded.Confirm {
	if a.initiates(ch) {
		return ch.Confirm2
	}
	return ch.Confirm1
}

func (a *actor) messages(ch recorded.Channel) (hello, commit []byte) {
	hello = ch.Messages["hello_responder"]
	if a.initiates(ch) {
		return ch.Messages["hello_initiator"], ch.Messages["commit"]
	}
	r := wire.NewReassembler(maxMessage)
	for _, p := range ch.Packets {
		got, err := wire.Parse(p.Data)
		require.NoError(a.t, err)
		m := got.Message
		if m == nil && p.From == a.name {
			m, _ = r.Add(time.Time{}, got.Fragment)
		}
		if kind, _ := wire.Check(m); kind == wire.Commit && p.From == a.name {
			return hello, bytes.Clone(m)
		}
	}
	return hello, nil
}

// Read gives the random values that the actor drew, told apart by when they are drawn.
func (s *scene) Read(b []byte) (int, error) {
	st := s.stream
	switch len(b) {
	case 8:
		require.NotEmpty(s.t, s.ids)
		copy(b, s.ids[0])
		s.ids = s.ids[1:]
	case 16:
		if st.role == alg.Initiator && st.suite.Agreement == alg.Mult && st.state == ready {
			_, commit := s.messages(s.ch)
			if commit != nil {
				nonce := wire.ParseCommit(commit).Nonce
				copy(b, nonce[:])
			}
			break
		}
		copy(b, s.confirmation(s.ch).IV)
	default: // H0 and private values, which are put in place of these
		copy(b, bytes.Repeat([]byte{1}, len(b)))
	}
	return len(b), nil
}

// private is the private value of the actor, for a KEM in the order that package alg wants.
func (s *scene) private() alg.Secret {
	if s.initiates(s.ch) {
		if v, ok := recorded.Value(s.ch.Private, "initiator_dh_private"); ok {
			return v
		}
		v, _ := recorded.Value(s.ch.Private, "initiator_kem_secret_key")
		nonce, _ := recorded.Value(s.ch.Derived, "dhpart2_nonce")
		return slices.Concat(v, nonce)
	}
	if v, ok := recorded.Value(s.ch.Private, "responder_dh_private"); ok {
		return v
	}
	var seeds alg.Secret
	for _, name := range []string{"x25519", "x448", "mlkem512", "mlkem768", "mlkem1024", "kyber512"} {
		for _, kind := range []string{"encaps_private_", "encaps_seed_"} {
			v, _ := recorded.Value(s.ch.Derived, kind+name)
			seeds = append(seeds, v...)
		}
	}
	return seeds
}

func (s *scene) play(in Input) {
	st := s.stream
	s.expectIDs()
	for _, out := range st.Handle(s.now, in) {
		s.effects = append(s.effects, out.Effect)
		switch e := out.Effect.(type) {
		case Send:
			p, err := wire.Parse(e.Data)
			require.NoError(s.t, err)
			s.sent = append(s.sent, p)
		case LookupSecrets:
			r, err := s.cache.Load(e.Key)
			require.NoError(s.t, err)
			s.play(SecretsLoaded{Key: e.Key, Record: r})
		case StoreSecrets:
			require.NoError(s.t, s.cache.Store(e.Key, e.Update))
		case NeedKeys:
			s.run(e.Job)
			s.play(KeysDone(e))
		}
	}
}

// run does the work of a job, with the recorded private value.
func (s *scene) run(j *Job) {
	st := s.stream
	if st.state != preparing {
		j.Run()
		return
	}
	if want, _ := recordedSuite(s.ch); st.role == alg.Initiator && st.suite != want {
		s.t.Logf("we would choose %s instead of %s", st.suite, want)
		st.suite = want
	}
	agreement, _ := alg.AgreementOf(st.suite.Agreement)
	if st.role == alg.Initiator && !s.initiates(s.ch) && agreement.KEM() {
		j.Run() // the Commit that loses; its key is not recorded
		return
	}
	if st.role == alg.Initiator {
		j.party, j.err = agreement.Initiate(st.suite.Hash, s.private())
	} else {
		j.party, j.err = agreement.Respond(st.suite.Hash, s.private(), wire.ParseCommit(st.theirCommit).Public)
	}
}

// expectIDs says which random IDs stand for secrets that the actor does not have.
func (s *scene) expectIDs() {
	st := s.stream
	name, ids := "secret_ids_responder", map[string]recorded.Hex{}
	if s.initiates(s.ch) {
		name = "secret_ids_initiator"
	}
	if raw, ok := s.ch.Derived[name]; ok {
		require.NoError(s.t, unmarshal(raw, &ids))
	}
	s.ids = nil
	for _, x := range []struct {
		have alg.Secret
		name string
	}{{st.secrets.RS1, "rs1ID"}, {st.secrets.RS2, "rs2ID"}, {st.secrets.Aux, "auxsecretID"}, {st.secrets.PBX, "pbxsecretID"}} {
		if x.have == nil {
			id := ids[x.name]
			if id == nil {
				id = make([]byte, 8)
			}
			s.ids = append(s.ids, id)
		}
	}
}

// recordedSuite is the choice of the Commit, if we implement it.
func recordedSuite(ch recorded.Channel) (alg.Suite, bool) {
	var codes [alg.Kinds]alg.Code
	for k, c := range []string{ch.Algorithms.Hash, ch.Algorithms.Cipher, ch.Algorithms.AuthTag, ch.Algorithms.Agreement, ch.Algorithms.SAS} {
		codes[k] = alg.ParseCode([]byte(fmt.Sprintf("%-4s", c)))
	}
	suite, err := alg.NewSuite(codes)
	return suite, err == nil
}

// enter makes the stream with the recorded Hello.
func (a *actor) enter(session *Session, ch recorded.Channel, start time.Time) *scene {
	s := &scene{actor: a, ch: ch, now: start, traced: map[string][]byte{}}
	session.config.Rand = s
	s.stream = &Stream{}
	st, err := session.NewStream(ssrcOf(a.name, ch.Number))
	require.NoError(a.t, err)
	s.stream = st
	st.chain = alg.NewChain(alg.Image(ch.HashChain[a.name]["H0"]))
	hello, _ := a.messages(ch)
	st.hello.data = bytes.Clone(hello)
	for _, p := range ch.Packets {
		if p.From == a.name {
			got, _ := wire.Parse(p.Data)
			st.sequence, st.fragmentID = got.Sequence, got.Sequence
			break
		}
	}
	session.trace = func(of *Stream, name string, v []byte) {
		if of == st {
			s.traced[name] = bytes.Clone(v)
		}
	}
	return s
}

func ssrcOf(name string, channel int) uint32 {
	if name == "alice" {
		return 0xa11ce000 + uint32(channel)
	}
	return 0xb0b00000 + uint32(channel)
}

// perform feeds what the other end said.
func (s *scene) perform() {
	_, lost := s.messages(s.ch)
	if lost == nil { // the recorded end never committed
		s.stream.session.config.Passive = true
		defer func() { s.stream.session.config.Passive = false }()
	}
	s.play(Start{})
	for _, p := range s.ch.Packets {
		if p.Type == "GoClear" && p.From == s.name {
			return // our end has none
		}
		if p.From == s.name {
			continue
		}
		s.now = time.Unix(0, 0).Add(time.Duration(p.At) * time.Millisecond)
		if at, ok := s.stream.Deadline(); ok && !at.After(s.now) {
			s.play(Tick{})
		}
		if s.stream.state == commitSent && lost != nil && !s.initiates(s.ch) {
			s.stream.commit.data = lost // the hvi of ours is another, because the DHPart2 of a lost Commit is not recorded
		}
		s.play(Packet{Data: p.Data})
	}
}

// verify compares everything that the actor computed and sent.
func (s *scene) verify() {
	t := s.t
	require.Equal(t, secure, s.stream.state, "%d %v", s.ch.Number, s.effects[len(s.effects)-2:])
	checked := 0
	for name := range s.ch.Derived {
		got, ok := s.traced[name]
		want, _ := recorded.Value(s.ch.Derived, name)
		if ok {
			checked++
			assert.Equal(t, want, append([]byte{}, got...), name)
		}
	}
	assert.GreaterOrEqual(t, checked, 10)
	s.verifyFurther()
	for kind, want := range s.ch.Messages {
		s.verifyMessage(kind, want)
	}
}

func (s *scene) verifyMessage(kind string, want []byte) {
	st := s.stream
	ours := map[string][]byte{"commit": s.traced["commit"], "confirm1": st.confirm.data, "confirm2": st.confirm.data}
	ours["dhpart1"], ours["dhpart2"] = s.traced["dhpart"], s.traced["dhpart"]
	initiators := kind == "commit" || kind == "dhpart2" || kind == "confirm2"
	got, ok := ours[kind]
	if !ok || initiators != (st.role == alg.Initiator) {
		return
	}
	if c := s.confirmation(s.ch); strings.HasPrefix(kind, "confirm") && (strings.Trim(c.Flags[:1]+c.Flags[2:], "0") != "" ||
		!bytes.Equal(c.Expiration, []byte{0xff, 0xff, 0xff, 0xff})) {
		return // flags that we never set
	}
	if c := s.confirmation(s.ch); st.suite.Agreement == alg.Mult && st.session.report.Verified && c.Flags[1] == '0' {
		return // ZRTPCPP says on the first stream only that the SAS was compared, we and bzrtp on each
	}
	assert.Equal(s.t, want, got, kind)
}

// verifyFurther compares what follows from the keys.
func (s *scene) verifyFurther() {
	t, d, st := s.t, s.ch.Derived, s.stream
	c := st.context()
	c.TotalHash = s.traced["total_hash"]
	if want, ok := recorded.Value(d, "kdf_context"); ok {
		assert.Equal(t, want, slices.Concat(c.Initiator[:], c.Responder[:], c.TotalHash))
	}
	for label, name := range map[string]string{"InitiatorKey": "exported_subkey_InitiatorKey", "ResponderKey": "exported_subkey_ResponderKey"} {
		if want, ok := recorded.Value(d, name); ok {
			assert.Equal(t, want, []byte(alg.ExportedSubkey(st.suite.Hash, s.traced["exported_key"], label, c, 8*len(want))), name)
		}
	}
	if want, ok := recorded.Value(d, "pbxsecret_if_enrolled"); ok {
		assert.Equal(t, want, []byte(alg.PBXSecret(st.suite.Hash, s.traced["zrtpsess"], c)))
	}
	if want, ok := recorded.Value(d, "hvi"); ok && st.role == alg.Initiator {
		hvi := wire.ParseCommit(s.traced["commit"]).HVI
		assert.Equal(t, want, hvi[:])
	}
	if want, ok := recorded.Text(d, "sas_b32"); ok {
		assert.Equal(t, want, alg.SAS(alg.B32, s.traced["sashash"]))
	}
	assert.Equal(t, []byte(s.ch.HelloHash[s.name]), hashOf(st.HelloHash()))
	for _, e := range s.effects {
		keys := func(role string, master alg.Secret) {
			key, _ := recorded.Value(d, "srtpkey"+role)
			salt, _ := recorded.Value(d, "srtpsalt"+role)
			assert.Equal(t, slices.Concat(key, salt), []byte(master))
		}
		ours, theirs := "i", "r"
		if st.role == alg.Responder {
			ours, theirs = theirs, ours
		}
		switch e := e.(type) {
		case InstallSend:
			keys(ours, e.Master)
		case InstallReceive:
			keys(theirs, e.Master)
		case Secure:
			if want, ok := recorded.Text(d, "sas_reported_"+s.name); ok && want != "" {
				assert.True(t, strings.EqualFold(want, e.Report.SAS), "%s %s", want, e.Report.SAS)
			}
		}
	}
}

func hashOf(h [32]byte) []byte { return h[:] }

// Each end of each recorded conversation is played by us, with its private inputs, against what the other end said.
func TestReplay(t *testing.T) {
	played := 0
	for _, tr := range transcripts(t).Transcripts {
		for _, name := range []string{"alice", "bob"} {
			t.Run(tr.ID+"/"+name, func(t *testing.T) { played += (&actor{t: t, name: name}).playAll(tr) })
		}
	}
	t.Logf("%d streams played", played)
}

func (a *actor) playAll(tr recorded.Transcript) int {
	played := 0
	for i, call := range tr.Calls {
		session := a.session(tr, call)
		for _, ch := range call.Channels {
			if _, ok := recordedSuite(ch); !ok || ch.Mode == "Prsh" {
				a.readOnly(ch)
				continue
			}
			if ch.Mode == "Mult" && !session.secure() {
				continue
			}
			s := a.enter(session, ch, time.Unix(0, 0).Add(time.Duration(ch.Packets[0].At)*time.Millisecond))
			if ch.Mode == "DH" {
				a.remember(ch)
			}
			s.perform()
			s.verify()
			played++
		}
		if i+1 < len(tr.Calls) {
			a.between(session, call, tr.Calls[i+1])
		}
		session.Close()
	}
	return played
}

func (a *actor) session(tr recorded.Transcript, call recorded.Call) *Session {
	hello, _ := a.messages(call.Channels[0])
	h := wire.ParseHello(hello)
	lists := listsOf(h)
	for k := range lists {
		lists[k] = slices.DeleteFunc(lists[k], func(c alg.Code) bool { return !alg.Kind(k).Supports(c) })
	}
	c := Config{ZID: h.ZID, Lists: lists, Expiration: Forever, MTU: defaultMTU}
	if aux := tr.Config[a.name]["aux"]; aux != "" {
		require.NoError(a.t, unmarshal([]byte(`"`+aux+`"`), (*recorded.Hex)(&c.Aux)))
	}
	if mtu, err := strconv.Atoi(tr.Config[a.name]["mtu"]); err == nil {
		c.MTU = mtu
	}
	return &Session{config: c, nonces: map[[16]byte]struct{}{}}
}

// remember forgets the peer if the recorded end had.
func (a *actor) remember(ch recorded.Channel) {
	suite, _ := recordedSuite(ch)
	ids := map[string]recorded.Hex{}
	name, role := "secret_ids_responder", alg.Responder
	if a.initiates(ch) {
		name, role = "secret_ids_initiator", alg.Initiator
	}
	if raw, ok := ch.Derived[name]; ok {
		require.NoError(a.t, unmarshal(raw, &ids))
	}
	for key, r := range a.cache.records {
		if r.RS1 == nil {
			continue
		}
		id := suite.Hash.MAC(r.RS1, []byte(role.String()))[:8]
		if !bytes.Equal(id, ids["rs1ID"]) {
			a.cache.Delete(key)
		}
	}
}

// between does what the people did after a call: they compared the SAS, or a PBX was trusted.
func (a *actor) between(session *Session, call, next recorded.Call) {
	master := call.Channels[0]
	if c := a.confirmation(next.Channels[0]); c != nil && c.Flags[1] == '1' {
		for _, out := range session.Confirm(time.Time{}, true) {
			e := out.Effect.(StoreSecrets)
			require.NoError(a.t, a.cache.Store(e.Key, e.Update))
		}
	}
	if s3, _ := recorded.Value(next.Channels[0].Derived, "s3"); len(s3) > 0 {
		pbx, _ := recorded.Value(master.Derived, "pbxsecret_if_enrolled")
		for key, r := range a.cache.records {
			r.PBX = pbx
			a.cache.records[key] = r
		}
	}
}
