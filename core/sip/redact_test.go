package sip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

func TestRedactedURI(t *testing.T) {
	u, err := sip.ParseURI("sip:marie:s3cret@example.org;transport=tcp")
	require.NoError(t, err)
	require.Equal(t, "sip:marie:***@example.org;transport=tcp", u.Redacted())
	u, err = sip.ParseURI("sip:marie@example.org:5060")
	require.NoError(t, err)
	require.Equal(t, "sip:marie@example.org:5060", u.Redacted())
}

func TestRedactedWire(t *testing.T) {
	wire := "INVITE sip:paul:hunter2@x.org SIP/2.0\r\nFrom: <sip:marie:pw@y.org>;tag=1\r\nAuthorization: Digest response=\"abc\"\r\n" +
		"proxy-authorization: Digest x\r\nTo: <sip:a@b:5060>\r\n\r\na=ice-ufrag:evtj\r\na=ice-pwd:VOkJxbRl1RmTxUk/WvJxBt\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20|1:4\r\nm=audio 4000 RTP/SAVP 0\r\n"
	got := sip.RedactedWire([]byte(wire))
	for _, secret := range []string{"hunter2", ":pw@", "abc", "Digest", "c2VjcmV0", "VOkJ", "\n"} {
		require.NotContains(t, got, secret)
	}
	require.Contains(t, got, "INVITE sip:paul:***@x.org SIP/2.0 | From: <sip:marie:***@y.org>;tag=1")
	require.Contains(t, got, "<sip:a@b:5060>")
	require.Contains(t, got, "ice-ufrag:evtj")
	require.Contains(t, got, "m=audio 4000 RTP/SAVP 0")
}
