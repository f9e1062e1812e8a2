package alg

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/internal/recorded"
)

// extra is what Commit carries behind hvi.
func (r *replay) extra() []byte { return r.commit[108 : len(r.commit)-8] }

func (r *replay) publicValue(role Role) []byte { return r.dhpart[role][76 : len(r.dhpart[role])-8] }

// agreement acts as either side with its private value.
func (r *replay) agreement() {
	if r.ch.Mode != "DH" {
		r.is("nonce", r.commit[76:92])
		return
	}
	hvi := HVI(r.hash, r.dhpart[Initiator], r.hello[Responder])
	r.is("hvi", hvi[:])
	r.same("hvi in commit", r.commit[76:108], hvi[:])
	for name, ours := range map[string][]byte{
		"kem_public_key_in_commit": r.extra(), "kem_ciphertext_in_dhpart1": r.publicValue(Responder), "dhpart2_nonce": r.publicValue(Initiator),
	} {
		r.is(name, ours[:min(len(ours), len(r.value(name)))]) // without padding
	}
	r.parts()
	a, ok := testAgreement(code(r.ch.Algorithms.Agreement))
	if !ok {
		return
	}
	for i, private := range r.privates(Initiator, a) {
		party, err := a.Initiate(r.hash, private)
		require.NoError(r.t, err)
		r.side(fmt.Sprintf("initiator %d", i), party, Initiator)
		require.Equal(r.t, r.extra(), append([]byte{}, party.Commit...))
	}
	for i, private := range r.privates(Responder, a) {
		party, err := a.Respond(r.hash, private, r.extra())
		require.NoError(r.t, err)
		r.side(fmt.Sprintf("responder %d", i), party, Responder)
	}
}

func (r *replay) side(name string, party *Party, role Role) {
	r.same("public value of "+name, r.publicValue(role), party.Public)
	result, err := party.Result(r.publicValue(role.Peer()))
	require.NoError(r.t, err)
	r.same("result of "+name, r.value("dh_result"), result)
	r.checked["dh_result"] = true
}

// privates are the private values of one side in the form of Draw; the initiator's of a KEM also in the expanded form.
func (r *replay) privates(role Role, a Agreement) []Secret {
	name := strings.ToLower(role.String())
	if !a.KEM() {
		private, ok := recorded.Value(r.ch.Private, name+"_dh_private")
		require.True(r.t, ok)
		if g, ok := a.(*diffieHellman).group.(*nistGroup); ok { // as a number, without its leading zeros
			private = append(make([]byte, max(0, g.width-len(private))), private...)
		}
		return []Secret{private}
	}
	prefixes := []string{"keygen_private_", "keygen_seed_"}
	if role == Responder {
		prefixes = []string{"encaps_private_", "encaps_seed_"}
	}
	var drawn Secret
	for _, prefix := range prefixes {
		for name := range r.ch.Derived {
			if strings.HasPrefix(name, prefix) {
				drawn = append(drawn, r.value(name)...)
				r.checked[name] = true // by the public value that comes out
			}
		}
	}
	if role == Responder {
		return []Secret{drawn}
	}
	nonce := r.value("dhpart2_nonce")
	expanded, ok := recorded.Value(r.ch.Private, "initiator_kem_secret_key")
	require.True(r.t, ok)
	forms := []Secret{append(expanded, nonce...)}
	if len(drawn) == a.(*kem).lengths().draw { // Kyber's was not recorded
		forms = append(forms, append(drawn, nonce...))
	}
	return forms
}

// parts checks each part of a KEM that is implemented: with the initiator's expanded keys, and with what the responder drew.
func (r *replay) parts() {
	expanded, _ := recorded.Value(r.ch.Private, "initiator_kem_secret_key")
	public, ciphertext := r.value("kem_public_key_in_commit"), r.value("kem_ciphertext_in_dhpart1")
	for _, part := range []struct {
		name string
		encapsulator
	}{
		{"x25519", xkem25519},
		{"x448", xkem448},
		{"mlkem512", mlkem512Part},
		{"mlkem768", mlkem768Part},
		{"mlkem1024", mlkem1024Part},
		{"kyber512", kyber512Part},
		{"kyber1024", kyber1024Part},
	} {
		shared, ok := recorded.Value(r.ch.Derived, "kem_ss_"+part.name)
		if !ok {
			continue
		}
		l := part.lengths()
		ours, why := part.decapsulate(r.hash, expanded[:l.expanded], ciphertext[:l.ciphertext])
		require.Empty(r.t, why)
		r.same("kem_ss_"+part.name, shared, ours)
		for _, prefix := range []string{"encaps_private_", "encaps_seed_"} {
			if seed, ok := recorded.Value(r.ch.Derived, prefix+part.name); ok {
				sent, ours, why := part.encapsulate(r.hash, public[:l.public], seed)
				require.Empty(r.t, why)
				require.Equal(r.t, ciphertext[:l.ciphertext], sent)
				r.same("kem_ss_"+part.name, shared, ours)
				r.checked[prefix+part.name] = true
			}
		}
		for _, prefix := range []string{"keygen_private_", "keygen_seed_"} {
			if seed, ok := recorded.Value(r.ch.Derived, prefix+part.name); ok {
				sent, ours, err := part.keys(seed)
				require.NoError(r.t, err)
				require.Equal(r.t, public[:l.public], sent)
				r.same(prefix+part.name, expanded[:l.expanded], ours)
			}
		}
		expanded, public, ciphertext = expanded[l.expanded:], public[l.public:], ciphertext[l.ciphertext:]
	}
}

// testAgreement adds two that are not offered and differ from others only by their code.
func testAgreement(c Code) (Agreement, bool) {
	switch c {
	case code("E255"):
		return &diffieHellman{code: c, group: x25519Group{}}, true
	case code("KYB1"):
		return &kem{code: c, parts: []encapsulator{kyber512Part}}, true
	}
	return AgreementOf(c)
}
