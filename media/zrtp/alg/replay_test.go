package alg

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/internal/recorded"
)

// replay computes one recorded channel again and keeps account of what it compared.
type replay struct {
	t        *testing.T
	ch       recorded.Channel
	hash     Hash
	suite    Suite    // with lengths of other algorithms in place of those that are not implemented
	omitted  []string // algorithms of the channel that are not implemented
	context  Context
	checked  map[string]bool
	commit   []byte
	dhpart   [2][]byte // by the sender's role
	hello    [2][]byte
	h3       [2]Image
	complete bool // every derived value must be among the checked
	before   *before
}

// before is what earlier channels of the same two ends left behind, as we derived it.
type before struct {
	session       Secret
	retained, pbx []Secret // of every call so far
}

// The recorded exchanges, every value of every channel. Of algorithms that are not implemented whatever can be computed
// without them is; what that was is logged for each.
func TestRecordedExchanges(t *testing.T) {
	set, err := recorded.Read("../testdata/transcripts.json.gz")
	require.NoError(t, err)
	values := 0
	for _, transcript := range set.Transcripts {
		left := &before{}
		for i, call := range transcript.Calls {
			for _, ch := range call.Channels {
				t.Run(fmt.Sprintf("%s call %d channel %d", transcript.ID, i+1, ch.Number), func(t *testing.T) {
					r := newReplay(t, ch, left)
					r.run()
					values += len(r.checked)
				})
			}
		}
	}
	if os.Getenv(recorded.Variable) == "" {
		require.GreaterOrEqual(t, values, 3500, "the recorded set has as many values that can be compared")
	}
	t.Logf("%d values compared in %d exchanges", values, len(set.Transcripts))
}

func newReplay(t *testing.T, ch recorded.Channel, left *before) *replay {
	r := &replay{t: t, ch: ch, before: left, checked: map[string]bool{}}
	r.substitute()
	r.commit = ch.Messages["commit"]
	r.dhpart = [2][]byte{ch.Messages["dhpart2"], ch.Messages["dhpart1"]}
	r.hello = [2][]byte{ch.Messages["hello_initiator"], ch.Messages["hello_responder"]}
	for role, hello := range r.hello {
		copy(r.h3[role][:], hello[32:64])
	}
	copy(r.context.Initiator[:], r.hello[Initiator][64:76])
	copy(r.context.Responder[:], r.hello[Responder][64:76])
	messages := [][]byte{r.hello[Responder], r.commit}
	if ch.Mode == "DH" {
		messages = append(messages, r.dhpart[Responder], r.dhpart[Initiator])
	}
	r.context.TotalHash = TotalHash(r.hash, messages...)
	return r
}

// substitute reads the algorithms. An unknown cipher or tag is replaced by one of equal lengths, so that keys can be derived.
func (r *replay) substitute() {
	a := r.ch.Algorithms
	codes := [Kinds]Code{}
	for k, name := range []string{a.Hash, a.Cipher, a.AuthTag, a.Agreement, a.SAS} {
		codes[k] = code(name)
		if !Kind(k).Supports(codes[k]) {
			r.omitted = append(r.omitted, name)
		}
	}
	if suite, err := NewSuite(codes); err == nil {
		r.suite, r.complete = suite, true
	} else {
		require.NotEmpty(r.t, r.omitted, "%v", err)
		r.suite = Suite{AuthTag: HS80, Agreement: codes[KindAgreement], SAS: codes[KindSAS]}
		r.suite.Hash, _ = HashOf(codes[KindHash])
		if r.suite.Cipher, _ = CipherOf(codes[KindCipher]); a.Cipher == "2FS3" {
			r.suite.Cipher = AES256
		}
		if a.AuthTag == "GCM " {
			r.suite.AuthTag = GCM
		}
	}
	r.hash = r.suite.Hash
}

func (r *replay) run() {
	r.helloHashes()
	r.chains()
	r.delayedMACs()
	if KindHash.Supports(code(r.ch.Algorithms.Hash)) && r.ch.Derived != nil {
		r.agreement()
		r.secrets()
		r.keys()
		r.confirm("confirm1", r.ch.Confirm1, Responder)
		r.confirm("confirm2", r.ch.Confirm2, Initiator)
		r.relay()
	}
	r.kdfLog()
	r.account()
}

// account fails if a derived value was left unchecked without a reason, and lists what was checked where one was.
func (r *replay) account() {
	var left []string
	for name := range r.ch.Derived {
		if !r.checked[name] {
			left = append(left, name)
		}
	}
	sort.Strings(left)
	if r.complete {
		require.Empty(r.t, left, "derived values that nothing compared")
		return
	}
	var names []string
	for name := range r.checked {
		names = append(names, name)
	}
	sort.Strings(names)
	require.NotEmpty(r.t, names)
	r.t.Logf("not implemented: %s\nchecked: %s\nleft out: %s", strings.Join(r.omitted, " "), strings.Join(names, " "), strings.Join(left, " "))
}

func (r *replay) value(name string) []byte {
	b, _ := recorded.Value(r.ch.Derived, name)
	return b
}

// is compares a value of ours with the recorded one, if there is one.
func (r *replay) is(name string, ours []byte) {
	r.t.Helper()
	if theirs, ok := recorded.Value(r.ch.Derived, name); ok && len(theirs) > 0 {
		r.same(name, theirs, ours)
	}
}

func (r *replay) same(name string, theirs, ours []byte) {
	r.t.Helper()
	require.Equal(r.t, fmt.Sprintf("%x", theirs), fmt.Sprintf("%x", ours), name)
	r.checked[name] = true
}

func (r *replay) role(name string) Role {
	if name == r.ch.Initiator {
		return Initiator
	}
	return Responder
}

func (r *replay) helloHashes() {
	for name, hash := range r.ch.HelloHash {
		ours := HelloHash(r.hello[r.role(name)])
		r.same("hello_hash "+name, hash, ours[:])
	}
}

// chains checks both hash chains and the MACs of all messages that they authenticate.
func (r *replay) chains() {
	for name, chain := range r.ch.HashChain {
		role := r.role(name)
		ours := NewChain(Image(chain["H0"]))
		for i, image := range ours {
			r.same(fmt.Sprintf("hash_chain %s H%d", name, i), chain[fmt.Sprintf("H%d", i)], image[:])
		}
		r.messageMAC("hello "+name, ours[2], r.hello[role])
		if role == Initiator {
			r.messageMAC("commit", ours[1], r.commit)
		}
		if len(r.dhpart[role]) > 0 {
			r.messageMAC("dhpart "+name, ours[0], r.dhpart[role])
		}
		ours.Wipe()
		require.Zero(r.t, ours)
	}
}

func (r *replay) messageMAC(name string, key Image, message []byte) {
	end := len(message) - len(MAC8{})
	mac := key.MAC(message[:end])
	r.same("mac of "+name, message[end:], mac[:])
}

// delayedMACs checks each message with the image that the sender's next one reveals.
func (r *replay) delayedMACs() {
	image := func(m []byte) Image { return Image(m[12:44]) }
	reveal := func(name string, key, image, known Image, message []byte) {
		require.Equal(r.t, known, image, name)
		r.messageMAC(name, key, message)
	}
	h2 := image(r.commit)
	reveal("hello by commit", h2, h2.Next(), r.h3[Initiator], r.hello[Initiator])
	if len(r.dhpart[Initiator]) > 0 {
		h1 := image(r.dhpart[Initiator])
		reveal("commit by dhpart2", h1, h1.Next(), h2, r.commit)
		h1 = image(r.dhpart[Responder])
		reveal("hello by dhpart1", h1.Next(), h1.Next().Next(), r.h3[Responder], r.hello[Responder])
	}
}

// secrets checks that both sides find the secrets that went into s0, under the IDs that were sent.
func (r *replay) secrets() {
	if r.ch.Mode != "DH" {
		return
	}
	shared := Shared{S1: r.value("s1"), S2: r.value("s2"), S3: r.value("s3")}
	if len(shared.S1) > 0 {
		require.Contains(r.t, r.before.retained, shared.S1)
	}
	if len(shared.S3) > 0 {
		require.Contains(r.t, r.before.pbx, shared.S3)
	}
	have := Secrets{}
	for from, to := range map[*Secret]*Secret{&shared.S1: &have.RS1, &shared.S2: &have.Aux, &shared.S3: &have.PBX} {
		if len(*from) > 0 {
			*to = *from
		}
	}
	for _, sender := range []Role{Initiator, Responder} {
		ids := sentIDs(r.dhpart[sender])
		r.recordedIDs("secret_ids_"+strings.ToLower(sender.String()), ids)
		found := Match(r.hash, sender.Peer(), have, r.h3[sender], ids)
		r.same("s1", shared.S1, found.S1)
		r.same("s2", shared.S2, found.S2)
		r.same("s3", shared.S3, found.S3)
		ours, err := NewIDs(r.hash, sender, r.h3[sender], have, bytes.NewReader(make([]byte, 32)))
		require.NoError(r.t, err)
		for _, id := range []struct {
			secret       Secret
			ours, theirs MAC8
		}{{have.Aux, ours.Aux, ids.Aux}, {have.PBX, ours.PBX, ids.PBX}} {
			if id.secret != nil {
				require.Equal(r.t, id.theirs, id.ours)
			}
		}
		if have.RS1 != nil { // either side may have moved it to rs2 meanwhile
			require.Contains(r.t, []MAC8{ids.RS1, ids.RS2}, ours.RS1)
		}
	}
}

func sentIDs(dhpart []byte) IDs {
	id := func(at int) MAC8 { return MAC8(dhpart[at : at+8]) }
	return IDs{RS1: id(44), RS2: id(52), Aux: id(60), PBX: id(68)}
}

func (r *replay) recordedIDs(name string, ids IDs) {
	var written struct {
		RS1 recorded.Hex `json:"rs1ID"`
		RS2 recorded.Hex `json:"rs2ID"`
		Aux recorded.Hex `json:"auxsecretID"`
		PBX recorded.Hex `json:"pbxsecretID"`
	}
	require.NoError(r.t, json.Unmarshal(r.ch.Derived[name], &written))
	r.same(name, slices.Concat(written.RS1, written.RS2, written.Aux, written.PBX),
		slices.Concat(ids.RS1[:], ids.RS2[:], ids.Aux[:], ids.PBX[:]))
}

func (r *replay) root() Secret {
	switch r.ch.Mode {
	case "DH":
		shared := Shared{S1: r.value("s1"), S2: r.value("s2"), S3: r.value("s3")}
		r.is("s0_input", slices.Concat(s0Input(r.value("dh_result"), r.context, shared)...))
		return S0(r.hash, r.value("dh_result"), r.context, shared)
	case "Mult":
		r.is("zrtpsess_used", r.before.session)
		return MultistreamS0(r.hash, r.before.session, r.context)
	}
	// Preshared mode (RFC 6189 section 4.4.2), which no product of the field gets right: by the primitives alone.
	require.Equal(r.t, "Prsh", r.ch.Mode)
	length := binary.BigEndian.AppendUint32(nil, 32)
	key := r.hash.Sum(length, r.before.retained[0], make([]byte, 8))
	r.is("rs1_used", r.before.retained[0])
	r.is("preshared_key", key)
	id := r.hash.short(key, []byte("Prsh"))
	r.is("keyID", id[:])
	return r.hash.KDF(key, "ZRTP PSK", r.context.bytes(), 8*r.hash.Size())
}

func (r *replay) keys() {
	r.is("total_hash", r.context.TotalHash)
	r.is("kdf_context", r.context.bytes())
	s0 := r.root()
	r.is("s0", s0)
	k := Derive(r.suite, s0, r.context)
	for role, letter := range map[Role]string{Initiator: "i", Responder: "r"} {
		d := k.Sent(role)
		r.is("srtpkey"+letter, d.SRTPKey)
		r.is("srtpsalt"+letter, d.SRTPSalt)
		r.is("mackey"+letter, d.MACKey)
		r.is("zrtpkey"+letter, d.ZRTPKey)
		require.Equal(r.t, slices.Concat(d.SRTPKey, d.SRTPSalt), d.Master())
	}
	r.is("zrtpsess", k.Session)
	if r.ch.Mode != "Mult" {
		pbx := PBXSecret(r.hash, k.Session, r.context)
		r.before.session = k.Session
		r.before.retained = append(r.before.retained, k.Retained)
		r.before.pbx = append(r.before.pbx, pbx)
		r.is("pbxsecret_if_enrolled", pbx)
		r.sas(k.SASHash)
		r.is("rs1_new", k.Retained)
		r.is("exported_key", k.Exported)
		for _, label := range []string{"InitiatorKey", "ResponderKey"} {
			if want, ok := recorded.Value(r.ch.Derived, "exported_subkey_"+label); ok {
				r.is("exported_subkey_"+label, ExportedSubkey(r.hash, k.Exported, label, r.context, 8*len(want)))
			}
		}
	} else {
		require.Nil(r.t, k.Session)
		require.Nil(r.t, k.SASHash)
		require.Nil(r.t, k.Retained)
	}
}

func (r *replay) sas(hash Secret) {
	r.is("sashash", hash)
	r.is("sasvalue", hash[:4])
	if want, ok := recorded.Text(r.ch.Derived, "sas_b32"); ok {
		require.Equal(r.t, want, SAS(B32, hash))
		r.checked["sas_b32"] = true
	}
	for _, name := range []string{"sas_reported_alice", "sas_reported_bob"} {
		if want, ok := recorded.Text(r.ch.Derived, name); ok && KindSAS.Supports(code(r.ch.Algorithms.SAS)) {
			require.Equal(r.t, strings.ToLower(want), strings.ToLower(SAS(r.suite.SAS, hash)))
			r.checked[name] = true
		}
	}
	var indices []int
	if raw, ok := r.ch.Derived["sas_b256_indices"]; ok {
		require.NoError(r.t, json.Unmarshal(raw, &indices))
		require.Equal(r.t, evenWords[indices[0]]+":"+oddWords[indices[1]], SAS(B256, hash))
		r.checked["sas_b256_indices"] = true
	}
}

// direction has the recorded keys, so that what follows does not depend on ours.
func (r *replay) direction(role Role) *Direction {
	letter := strings.ToLower(role.String()[:1])
	return &Direction{MACKey: r.value("mackey" + letter), ZRTPKey: r.value("zrtpkey" + letter), Hash: r.hash}
}

func (r *replay) confirm(name string, c *recorded.Confirm, role Role) {
	if c == nil {
		return
	}
	d := r.direction(role)
	if !KindCipher.Supports(code(r.ch.Algorithms.Cipher)) {
		mac := d.Hash.short(d.MACKey, c.Ciphertext)
		r.same(name+" mac", c.MAC, mac[:])
		return
	}
	text := slices.Clone(c.Plaintext)
	mac, err := d.Seal(IV(c.IV), text)
	require.NoError(r.t, err)
	r.same(name+" ciphertext", c.Ciphertext, text)
	r.same(name+" mac", c.MAC, mac[:])
	require.NoError(r.t, d.Open(MAC8(c.MAC), IV(c.IV), text))
	r.same(name+" plaintext", c.Plaintext, text)
	r.same(name+" h0", c.H0, text[:32])
	h2 := Image(text[:32]).Next().Next()
	require.Equal(r.t, r.h3[role], h2.Next(), "H0 of %s reaches H3 of the sender's Hello", name)
}

func (r *replay) relay() {
	if r.ch.SASRelay == nil {
		return
	}
	m := r.ch.SASRelay.Message
	text := slices.Clone(m[36:])
	require.NoError(r.t, r.direction(r.role(r.ch.SASRelay.From)).Open(MAC8(m[12:20]), IV(m[20:36]), text))
	r.same("sasrelay plaintext", r.ch.SASRelay.Plaintext, text)
	r.same("sasrelay sashash", r.ch.SASRelay.SASHash, text[8:40])
	require.Equal(r.t, r.ch.SASRelay.Rendered, SAS(code(r.ch.SASRelay.Type), text[8:40]))
}

// kdfLog checks derivations that an implementation logged, also those after a return from clear media.
func (r *replay) kdfLog() {
	for name, log := range r.ch.KDFLog {
		session := log[0].Out // ZRTPSess
		for i, e := range log {
			if bytes.Equal(e.Key, e.Out) { // logged after the key was overwritten
				e.Key = session
			}
			r.same(fmt.Sprintf("kdf %s %d %s", name, i, e.Label), e.Out, r.hash.KDF(e.Key, e.Label, e.Context, e.Bits))
		}
	}
}
