package sdp

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pion "github.com/pion/sdp/v3"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite testdata/golden")

// Real offers (testdata/offers) through the whole relay, towards a leg B without encryption, one with SDES, and one with SDES
// and AVPF. The golden files hold what a reader of a call's trace would see. -update rewrites them.
func TestGoldenOffers(t *testing.T) {
	files, err := filepath.Glob("testdata/offers/*.sdp")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".sdp")
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			got := trace(t, body)
			golden := filepath.Join("testdata", "golden", name+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func trace(t *testing.T, body []byte) string {
	t.Helper()
	offer, err := Parse(body)
	require.NoError(t, err)
	var out strings.Builder
	fmt.Fprintf(&out, "offer of leg A: %s\nencryption: %s\n", offer, offer.Encryption())
	if err := CheckOffer(offer, Support{}); err != nil {
		code, text := Warning(err)
		fmt.Fprintf(&out, "refused: %v\nwarning: %d %q\n", err, code, text)
		return out.String()
	}
	for _, plan := range []OfferPlan{{}, {Encryption: SDES, Suites: []Suite{AEADAES256GCM}}, {Encryption: SDES, AVPF: true}} {
		plan.Rand, plan.SessionID = seeded(1), 1000
		fmt.Fprintf(&out, "\n=== leg B %s, AVPF %t\n", plan.Encryption, plan.AVPF)
		traceLegB(t, &out, offer, plan)
	}
	return strings.ReplaceAll(out.String(), "\r", "")
}

// traceLegB lets leg B's phone take every stream, without its most preferred codec where there is a choice.
func traceLegB(t *testing.T, out *strings.Builder, offer *Session, plan OfferPlan) {
	t.Helper()
	n := len(offer.Media)
	offerB, err := NewOffer(offer, plan, each(localB, n))
	require.NoError(t, err)
	fmt.Fprintf(out, "--- offer to B\n%s", offerB.Marshal())
	wire := reparse(t, offerB)
	var takes []Agreed
	for _, m := range wire.Media {
		codecs := m.Codecs
		if len(codecs) > 1 && carries(codecs[1:]) {
			codecs = codecs[1:]
		}
		takes = append(takes, Agreed{Enabled: true, Codecs: codecs, AVPF: true})
	}
	answerB, _, err := NewAnswer(wire, takes, AnswerPlan{Rand: seeded(2), SessionID: 2000}, each(localA, n))
	require.NoError(t, err)
	agreedB, err := Accept(offerB, reparse(t, answerB))
	require.NoError(t, err)
	answerA, agreedA, err := NewAnswer(offer, agreedB, AnswerPlan{Rand: seeded(3), SessionID: 3000}, each(localA, n))
	require.NoError(t, err)
	fmt.Fprintf(out, "--- answer to A\n%s--- agreed\n", answerA.Marshal())
	for i := range agreedA {
		fmt.Fprintf(out, "A: %s\nB: %s\n", agreedA[i], agreedB[i])
	}
	reparse(t, answerA)
	require.True(t, Holds(agreedA, agreedB))
}

// reparse takes a description over the wire, and has a foreign parser read it too.
func reparse(t *testing.T, s *Session) *Session {
	t.Helper()
	body := s.Marshal()
	back, err := Parse(body)
	require.NoError(t, err)
	require.Equal(t, string(body), string(back.Marshal()))
	// pion knows no other media types than these, and fewer profiles.
	foreign := slices.ContainsFunc(s.Media, func(m Media) bool { return m.Kind == Other })
	if !foreign {
		require.NoError(t, new(pion.SessionDescription).Unmarshal(body))
	}
	return back
}
