package ng

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMarshalSortsKeys(t *testing.T) {
	b, err := Marshal(Dict{"command": "offer", "a": List{int64(-3), "x", Dict{}}, "ICE": "remove", "n": 0})
	require.NoError(t, err)
	assert.Equal(t, "d3:ICE6:remove1:ali-3e1:xdee7:command5:offer1:ni0ee", string(b))
	assert.Equal(t, List{"a", "b"}, Strings("a", "b"))
}

func TestMarshalRefusesOtherTypes(t *testing.T) {
	for _, v := range []any{1.5, nil, []string{"x"}, List{true}, Dict{"k": struct{}{}}} {
		_, err := Marshal(Dict{"k": v})
		assert.ErrorContains(t, err, "cannot be sent")
	}
	deep := List{}
	for range 100 {
		deep = List{deep}
	}
	_, err := Marshal(Dict{"k": deep})
	assert.ErrorIs(t, err, ErrDepth)
}

func TestUnmarshal(t *testing.T) {
	d, err := Unmarshal([]byte("d6:result2:ok3:sdp4:v=\r\n4:tagsd1:ai7e1:bleee"))
	require.NoError(t, err)
	assert.Equal(t, Dict{"result": "ok", "sdp": "v=\r\n", "tags": Dict{"a": int64(7), "b": List{}}}, d)
}

func TestUnmarshalRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"": ErrTruncated, "d": ErrTruncated, "d1:a": ErrTruncated, "d1:ai1": ErrTruncated, "d1:a5:abcde": ErrTruncated, "d1:a9:abc": ErrTruncated, "d1": ErrTruncated, "d1:al": ErrTruncated,
		"i1e": ErrSyntax, "le": ErrSyntax, "de ": ErrSyntax, "dede": ErrSyntax, "di1ei2ee": ErrSyntax, "d1:aiee": ErrSyntax, "d1:ai1.5ee": ErrSyntax, "d1:ai+1ee": ErrSyntax, "d-1:a": ErrSyntax,
		"d+1:ai1ee": ErrSyntax, "d99999999999999:a": ErrSyntax, "d:": ErrSyntax, "x": ErrSyntax, "d4294967296:a": ErrSyntax,
		strings.Repeat("l", 1000): ErrDepth, strings.Repeat("d1:a", 1000): ErrDepth,
	} {
		_, err := Unmarshal([]byte(in))
		assert.ErrorIs(t, err, want, "%.20q", in)
	}
}

// server answers with what f makes of cookie and command.
func server(t *testing.T, f func(n int, cookie string, d Dict) []string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b [65536]byte
		for i := 0; ; i++ {
			n, from, err := c.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			cookie, body, _ := strings.Cut(string(b[:n]), " ")
			d, err := Unmarshal([]byte(body))
			if !assert.NoError(t, err) {
				return
			}
			for _, answer := range f(i, cookie, d) {
				_, err = c.WriteToUDPAddrPort([]byte(answer), from)
				assert.NoError(t, err)
			}
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestClient(t *testing.T) {
	var mu sync.Mutex
	var cookies []string
	at := server(t, func(n int, cookie string, d Dict) []string {
		mu.Lock()
		defer mu.Unlock()
		cookies = append(cookies, cookie)
		switch {
		case n == 0:
			return nil // lost: the command is repeated
		case d["command"] == "ping":
			return []string{"other_1 d6:result4:pange", cookie + " d6:result4:ponge"}
		}
		return []string{cookie + " d12:error-reason15:Unknown call-id6:result5:errore"}
	})
	c, err := Dial(at)
	require.NoError(t, err)
	defer c.Close()
	answer, err := c.Do(t.Context(), "ping", nil)
	require.NoError(t, err)
	assert.Equal(t, Dict{"result": "pong"}, answer)
	_, err = c.Do(t.Context(), "delete", Dict{"call-id": "x"})
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, RefusedError{Command: "delete", Reason: "Unknown call-id"}, *refused)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, cookies, 3)
	assert.Equal(t, cookies[0], cookies[1], "a repetition has the same cookie")
	assert.NotEqual(t, cookies[1], cookies[2])
}

func TestClientToldNonsense(t *testing.T) {
	at := server(t, func(_ int, cookie string, _ Dict) []string { return []string{cookie + " nonsense"} })
	c, err := Dial(at)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Do(t.Context(), "delete", Dict{"call-id": "strange"})
	require.ErrorIs(t, err, ErrSyntax)
	_, err = c.Do(t.Context(), "ping", Dict{"x": 1.5})
	require.Error(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	_, err = c.Do(ctx, "ping", nil)
	require.ErrorIs(t, err, enough)
}

func TestNobodyListens(t *testing.T) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	require.NoError(t, err)
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	require.NoError(t, c.Close())
	n, err := Dial(at)
	require.NoError(t, err)
	defer n.Close()
	_, err = n.Do(t.Context(), "ping", nil)
	require.ErrorContains(t, err, "no answer")
	require.ErrorContains(t, err, at.String())
}

func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{"d6:result2:oke", "d1:ai-7e1:bld1:xleeee", "de", "d1:a0:e"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Unmarshal(b)
		if err != nil {
			return
		}
		again, err := Marshal(d)
		require.NoError(t, err)
		back, err := Unmarshal(again)
		require.NoError(t, err)
		require.Equal(t, d, back)
	})
}
