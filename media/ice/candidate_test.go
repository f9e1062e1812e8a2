package ice

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCandidates(t *testing.T) {
	for text, want := range map[string]Candidate{
		"1 1 UDP 2130706431 203.0.113.141 8998 typ host": {
			Foundation: "1", Component: RTP, Transport: "UDP", Priority: 2130706431, Host: "203.0.113.141", Addr: netip.MustParseAddrPort("203.0.113.141:8998"), Type: "host",
		},
		"2 2 udp 1694498815 192.0.2.3 45664 typ SRFLX raddr 203.0.113.141 rport 8998 generation 0 ufrag x network-cost 50": {
			Foundation: "2", Component: RTCP, Transport: "udp", Priority: 1694498815, Host: "192.0.2.3", Addr: netip.MustParseAddrPort("192.0.2.3:45664"), Type: "srflx",
		},
		"3a+/ 1 TCP 1 2001:db8::1 9 typ host tcptype active": {
			Foundation: "3a+/", Component: RTP, Transport: "TCP", Priority: 1, Host: "2001:db8::1", Addr: netip.MustParseAddrPort("[2001:db8::1]:9"), Type: "host",
		},
		"4 1 udp 5 0b4a-77.local 40000 typ host": {
			Foundation: "4", Component: RTP, Transport: "udp", Priority: 5, Host: "0b4a-77.local", Addr: netip.AddrPortFrom(netip.Addr{}, 40000), Type: "host",
		},
	} {
		got, ok := ParseCandidate(text)
		require.True(t, ok, text)
		assert.Equal(t, want, got)
		assert.Equal(t, !strings.HasPrefix(text, "3a"), got.UDP())
	}
	for _, text := range []string{
		"", "1 1 UDP 1 192.0.2.1 9 host", "1 0 UDP 1 192.0.2.1 9 typ host", "1 300 UDP 1 192.0.2.1 9 typ host", "1 1 UDP -1 192.0.2.1 9 typ host",
		"1 1 UDP 1 192.0.2.1 65536 typ host", "1 1 UDP 1 192.0.2.1 9 type host", strings.Repeat("1", 33) + " 1 UDP 1 192.0.2.1 9 typ host",
		"1 1 UDP 1 192.0.2.1 9 typ host " + strings.Repeat("x", maxCandidate),
	} {
		_, ok := ParseCandidate(text)
		assert.False(t, ok, text)
	}
}

func TestHostCandidates(t *testing.T) {
	assert.Equal(t, "1 1 UDP 2130706431 192.0.2.1 4000 typ host", Host(RTP, one, 0).Attribute(), "RFC 8445 section 5.1.2.1")
	assert.Equal(t, "2 2 UDP 2130706174 198.51.100.2 5000 typ host", Host(RTCP, two, 1).Attribute())
	c, ok := ParseCandidate(Host(RTP, six, 0).Attribute())
	require.True(t, ok)
	assert.Equal(t, Host(RTP, six, 0), c)
}

func TestCredentials(t *testing.T) {
	c := credentials(t, 1)
	assert.True(t, c.Usable())
	assert.Len(t, c.Ufrag, 8)
	assert.Len(t, c.Pwd, 24)
	assert.False(t, c.Same(credentials(t, 2)))
	assert.True(t, c.Same(c.Clone()))
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", Params{Local: c})} {
		assert.NotContains(t, text, string(c.Pwd))
	}
	_, err := NewCredentials(bytes.NewReader(make([]byte, 23)))
	require.Error(t, err)
	pwd := Secret(strings.Repeat("p", minPwd))
	for _, bad := range []Credentials{
		{},
		{"abc", pwd},
		{"abcd", pwd[1:]},
		{"ab:d", pwd},
		{"abcd", Secret(strings.Repeat("p ", minPwd))},
		{strings.Repeat("u", maxUfrag+1), pwd},
		{"abcd", Secret(strings.Repeat("p", maxPwd+1))},
	} {
		assert.False(t, bad.Usable(), bad.Ufrag)
	}
}

func TestCandidatesOfADescription(t *testing.T) {
	var list []Candidate
	for _, line := range []string{
		"1 1 UDP 2130706431 192.0.2.1 4000 typ host",
		"2 2 udp 2130706430 192.0.2.1 4001 typ host",
		"3 1 TCP 2105524479 192.0.2.1 9 typ host tcptype active",
		"4 1 UDP 2130706431 fe0d1c6a-1.local 4002 typ host",
		"5 1 UDP 2130706431 2001:db8::1 4003 typ host",
		"6 3 UDP 2130706431 192.0.2.1 4004 typ host",
		"7 1 UDP 2130706431 192.0.2.1 0 typ host",
		"8 1 UDP 2130706431 0.0.0.0 9 typ host",
		"9 1 UDP 1677721855 ::ffff:203.0.113.1 4005 typ srflx raddr 192.0.2.1 rport 4000",
	} {
		c, ok := ParseCandidate(line)
		require.True(t, ok, line)
		list = append(list, c)
	}
	at := List(list)
	assert.Equal(t, []Listed{
		{netip.MustParseAddrPort("192.0.2.1:4000"), 2130706431},
		{netip.MustParseAddrPort("[2001:db8::1]:4003"), 2130706431},
		{netip.MustParseAddrPort("203.0.113.1:4005"), 1677721855},
	}, at[0])
	assert.Equal(t, []Listed{{netip.MustParseAddrPort("192.0.2.1:4001"), 2130706430}}, at[1])
	for range 100 {
		list = append(list, list[0])
	}
	assert.Len(t, List(list)[0], maxListed)
}
