package sip

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func torture(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "rfc4475", name+".dat"))
	require.NoError(t, err)
	return b
}

// RFC 4475: every message of the RFC, with what section 3 says of it. 0 accepted, -1 dropped without an answer, else the status of the answer.
func TestRFC4475(t *testing.T) {
	want := map[string]int{
		// 3.1.1 valid messages
		"wsinv": 0, "intmeth": 0, "esc01": 0, "escnull": 0, "esc02": 0, "lwsdisp": 0, "longreq": 0, "dblreq": 0,
		"semiuri": 0, "transports": 0, "mpart01": 0, "unreason": 0, "noreason": 0,
		// 3.1.2 invalid messages
		"badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": -1, "quotbal": 400, "ltgtruri": 400,
		"lwsruri": 400, "lwsstart": 400, "trws": 400, "escruri": 400, "baddate": 0, "regbadct": 400, "badaspec": 400,
		"baddn": 400, "badvers": 505, "mismatch01": 400, "mismatch02": 400, "bigcode": -1,
		// 3.2 transaction layer semantics
		"badbranch": 0,
		// 3.3 application layer semantics: most are for the application to judge
		"insuf": 400, "unkscm": 416, "novelsc": 416, "unksm2": 0, "bext01": 0, "invut": 0, "regaut01": 0, "multi01": 400,
		"mcl01": 400, "bcast": 0, "zeromf": 0, "cparam01": 0, "cparam02": 0, "regescrt": 0, "sdp01": 0,
		// 3.4 backward compatibility
		"inv2543": 0,
		// not of the RFC: a request line without version
		"test": -1,
	}
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	require.NoError(t, err)
	require.Len(t, files, len(want), "every message has an expectation")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		t.Run(name, func(t *testing.T) {
			m, err := Parse(torture(t, name))
			if want[name] == 0 {
				require.NoError(t, err)
				again, err := Parse(m.Bytes())
				require.NoError(t, err, "what we write we can read")
				assert.Equal(t, m, again)
				return
			}
			var fault *ParseError
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, max(want[name], 0), fault.Status, fault.What)
			assert.Equal(t, want[name] > 0, fault.Request != nil)
			if fault.Request != nil {
				// The answer repeats From, To, Call-ID and CSeq even where they are what is wrong.
				answer := string(NewResponse(fault.Request, fault.Status, "", "t").Bytes())
				for _, header := range []string{"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "} {
					missing := name == "insuf" && header != "Via: " && header != "CSeq: "
					assert.Equal(t, !missing, strings.Contains(answer, "\r\n"+header), answer)
				}
			}
		})
	}
}
