package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"b2bua/simulator/endpoint"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseScript(t *testing.T) {
	steps, err := parseScript(" 4s resume, 2s hold,500ms  dtmf 12a#,, 4s replay 010, 1m hold inactive,")
	require.NoError(t, err)
	var text []string
	for _, s := range steps {
		text = append(text, s.String())
	}
	assert.Equal(t, []string{"500ms dtmf 12A#", "2s hold", "4s resume", "4s replay 10", "1m0s hold inactive"}, text)
	assert.Equal(t, time.Minute, last(steps))
	steps, err = parseScript("")
	require.NoError(t, err)
	assert.Empty(t, steps)
}

func TestScriptFaults(t *testing.T) {
	for text, want := range map[string]string{
		"hold":                                 `"hold" is no time`,
		"2 hold":                               `"2" is no time`,
		"-1s hold":                             "from 0s to 24h",
		"25h hold":                             "from 0s to 24h",
		"2s":                                   "what is to be done at 2s? Write one of hold,",
		"2s dance":                             `"dance" is no action: write one of hold,`,
		"2s resume now":                        `resume stands alone: "now" is too much`,
		"2s hold 4s resume":                    "a comma stands between two steps",
		"2s hold recvonly":                     "hold needs one of sendonly, inactive",
		"2s video":                             "video needs one of on, off",
		"2s dtmf":                              "dtmf needs 1 to 64 digits",
		"2s info 1x":                           "info needs 1 to 64 digits",
		"2s replay":                            "replay needs a number from 1 to 128",
		"2s replay 129":                        "replay needs a number from 1 to 128",
		"1s hold, 2s video up":                 `"2s video up": video needs`,
		"2s dtmf " + strings.Repeat("1", 65):   "dtmf needs 1 to 64 digits",
		strings.Repeat("1s hold,", maxSteps+1): "more than 1000 steps",
	} {
		_, err := parseScript(text)
		assert.ErrorContains(t, err, want, text)
	}
}

// What the parser takes it also takes as it prints it, and it means the same.
func FuzzScript(f *testing.F) {
	for _, text := range []string{"2s hold, 4s resume, 5s dtmf 123#, 6s info 5", "7s video on, 9s video off", "1h rebind,,", "2s", ",", "1s replay 128"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		steps, err := parseScript(text)
		if err != nil {
			return
		}
		var again []string
		for i, s := range steps {
			again = append(again, s.String())
			if i > 0 && s.at < steps[i-1].at {
				t.Fatalf("%q: not in the order of time", text)
			}
		}
		got, err := parseScript(strings.Join(again, ","))
		require.NoError(t, err)
		assert.Equal(t, steps, got)
	})
}

func TestHelpListsEveryAction(t *testing.T) {
	for _, command := range []string{"call", "answer"} {
		out, status := background(command, "--help")
		assert.Equal(t, exitOK, <-status)
		for _, v := range verbs {
			assert.Contains(t, out.String(), "  "+v.name+" ", command)
		}
	}
}

func TestScriptedCall(t *testing.T) {
	answering, answered := background("answer", "--calls", "1", "--ring", "0s", "--encryption", "sdes", "--video", "VP8/90000", "--avpf",
		"--do", "100ms dtmf 7")
	uri := answering.uri(t)
	var stdout, stderr bytes.Buffer
	code := run([]string{
		"call", uri, "--encryption", "sdes", "--avpf", "--json", "--do",
		"0s dtmf 12#, 100ms info 5A, 200ms hold, 300ms resume, 400ms video on, 600ms rekey, 800ms update, 900ms replay 10," +
			"1s feedback pli, 1s picture, 1s source, 2s video off, 2100ms reinvite, 2200ms rebind, 3s hangup",
	}, &stdout, &stderr)
	require.Equal(t, exitOK, code, stderr.String())
	require.Equal(t, exitOK, <-answered, answering.String())
	var result callResult
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	require.Len(t, result.Actions, 15)
	for _, a := range result.Actions {
		assert.True(t, a.OK, a)
		assert.NotEmpty(t, a.Outcome)
	}
	for _, want := range []string{
		"audio is recvonly now, was sendrecv: held", "audio is sendrecv now, was recvonly: resumed", "video is on now, RTP/SAVPF SDES",
		"video is off now", "audio has new keys of the other side", "was asked for a whole picture by RTCP",
		"was asked for a whole picture by INFO", "the other side negotiated again",
	} {
		assert.Contains(t, answering.String(), want)
	}
	assert.Equal(t, "5A", digitsTold(answering.String(), "by INFO"))
	assert.Equal(t, "12#", digitsTold(answering.String(), "as telephone events"))
	assert.Contains(t, stderr.String(), "received 7 as telephone events")
	assert.Contains(t, stderr.String(), "200ms hold: done: answered with 200")
	assert.Equal(t, "local", result.Call.EndedBy)
}

// digitsTold are all that were told as received in one way.
func digitsTold(text, how string) (all string) {
	for _, m := range regexp.MustCompile(`received (\S+) `+how).FindAllStringSubmatch(text, -1) {
		all += m[1]
	}
	return all
}

// Two full agents in one role never nominate a pair: what is told of their restart is what counts here.
func TestRestartOfICEIsTold(t *testing.T) {
	answering, answered := background("answer", "--calls", "1", "--ring", "0s", "--ice")
	uri := answering.uri(t)
	out, called := background("call", uri, "--ice", "--no-audio", "--do", "0s restart-ice", "--duration", "2s")
	assert.Equal(t, exitOK, <-called, out.String())
	assert.Contains(t, out.String(), "0s restart-ice: done")
	assert.Equal(t, exitMedia, <-answered)
	assert.Contains(t, answering.String(), "audio: ICE has begun again")
}

func TestFailedStepIsStatusTwo(t *testing.T) {
	answering, answered := background("answer", "--calls", "1", "--ring", "0s", "--hang-up", "3s")
	uri := answering.uri(t)
	out, called := background("call", uri, "--do", "0s rekey, 0s confirm yes, 0s restart-ice, 0s feedback pli, 0s video on, 1h hold")
	assert.Equal(t, exitCall, <-called)
	for _, want := range []string{"there are no keys", "there is no SAS", "this phone has no ICE", "no video", "the other side refused the video", "1h0m0s hold: FAILED: not done: the call was over"} {
		assert.Contains(t, out.String(), want)
	}
	assert.Equal(t, exitOK, <-answered)
}

func TestOnlyZRTPKeepsASession(t *testing.T) {
	answering, answered := background("answer", "--calls", "1", "--ring", "0s", "--encryption", "sdes", "--hang-up", "3s")
	uri := answering.uri(t)
	out, called := background("call", uri, "--encryption", "sdes", "--do", "0s rekey keep")
	assert.Equal(t, exitCall, <-called)
	assert.Contains(t, out.String(), "only ZRTP has a session that could be kept")
	assert.Equal(t, exitOK, <-answered)
}

func TestNegotiatedSuiteOfDTLSIsTold(t *testing.T) {
	answering, answered := background("answer", "--calls", "1", "--ring", "0s", "--encryption", "dtls-srtp")
	uri := answering.uri(t)
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run([]string{"call", uri, "--encryption", "dtls-srtp", "--suite", "AEAD_AES_256_GCM", "--json", "--duration", "900ms", "--do", "500ms rekey"}, &stdout, &stderr), stderr.String())
	assert.Equal(t, exitOK, <-answered)
	var result callResult
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	assert.Equal(t, "AEAD_AES_256_GCM", result.Call.Audio().Suite)
	const line = "audio UDP/TLS/RTP/SAVP DTLS-SRTP AEAD_AES_256_GCM, PCMU/8000"
	assert.Contains(t, stderr.String(), line)
	assert.Contains(t, answering.String(), line)
	assert.Contains(t, answering.String(), "audio: handshake 4 of DTLS is done")
}

func TestZRTPIsTold(t *testing.T) {
	answering, answered := background("answer", "--calls", "2", "--ring", "0s", "--encryption", "zrtp", "--video", "VP8/90000", "--do", "600ms confirm yes")
	uri := answering.uri(t)
	dir := t.TempDir()
	for n, known := range []bool{false, true} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitOK, run([]string{
			"call", uri, "--encryption", "zrtp", "--video", "VP8/90000", "--zrtp-agreement", "EC25,Mult", "--zrtp-tag", "HS80", "--zrtp-cache", dir,
			"--json", "--duration", "900ms", "--do", "500ms confirm yes",
		}, &stdout, &stderr), stderr.String())
		var result callResult
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
		z := result.Call.Audio().ZRTP
		require.NotNil(t, z)
		assert.Equal(t, []string{"EC25", "S256", "AES1", "HS80"}, []string{z.Agreement, z.Hash, z.Cipher, z.Tag})
		assert.Equal(t, []bool{known, known, known, false}, []bool{z.Continuity, z.Verified, z.PeerVerified, z.Mismatch}, "call %d", n)
		assert.Equal(t, "Mult", result.Call.Video().ZRTP.Agreement)
		assert.Equal(t, z.SAS, result.Call.Video().ZRTP.SAS)
		sas := strings.ToUpper(z.SAS)
		for _, out := range []string{stderr.String(), answering.String()} {
			assert.Contains(t, out, "the SAS of ZRTP is "+sas)
			assert.Contains(t, out, "SAS "+sas+", by EC25 with S256, AES1, HS80")
			assert.Contains(t, out, "audio RTP/AVP ZRTP AES_CM_128_HMAC_SHA1_80, PCMU/8000")
			assert.Equal(t, known, strings.Contains(out, "known from an earlier call; SAS compared earlier"))
		}
	}
	assert.Equal(t, exitOK, <-answered)
}

func TestZRTPThatFailsIsTold(t *testing.T) {
	answering, answered := background("answer", "--calls", "1", "--ring", "0s", "--encryption", "zrtp", "--fault", "wrong-zrtp-hash")
	uri := answering.uri(t)
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitMedia, run([]string{"call", uri, "--encryption", "zrtp", "--duration", "700ms"}, &stdout, &stderr))
	assert.Contains(t, stdout.String(), "ZRTP without keys")
	assert.Contains(t, stdout.String(), "ZRTP did not agree on keys")
	assert.Contains(t, stdout.String(), "suspicious: Hello does not match a=zrtp-hash")
	assert.Equal(t, exitMedia, <-answered)
}

func TestBadEnd(t *testing.T) {
	for reason, bad := range map[string]bool{
		"": false, "SIP;cause=200": false, `Q.850;cause=16;text="bye"`: false, "Q.850;cause=31": false, "preemption;cause=1": false, "SIP": false,
		`SIP;cause=488;text="Media security failed"`: true, "sip; Cause = 503": true, "Q.850;cause=38": true, "Q.850;cause=16, SIP;cause=500": true,
	} {
		m := endpoint.Summary{EndedBy: "remote", EndCause: "bye", Reason: reason}
		assert.Equal(t, bad, badEnd(m) != "", reason)
		m.EndedBy = "local"
		assert.Empty(t, badEnd(m))
	}
	assert.Equal(t, "timeout", badEnd(endpoint.Summary{EndedBy: "transport", EndCause: "timeout"}))
	assert.Empty(t, badEnd(endpoint.Summary{}))
}
