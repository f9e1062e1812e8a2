package faulty

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each line with itself.
func echo(t *testing.T) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func start(t *testing.T) *Proxy {
	p, err := New(netip.MustParseAddrPort("127.0.0.1:0"), echo(t))
	require.NoError(t, err)
	p.at = netip.MustParseAddrPort(p.listener.Addr().String())
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func connect(t *testing.T, p *Proxy) *client {
	c, err := net.Dial("tcp", p.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return &client{c, t, bufio.NewReader(c)}
}

func (c *client) ask() (string, error) {
	_, err := c.Write([]byte("hello\n"))
	require.NoError(c.t, err)
	return c.r.ReadString('\n')
}

func (c *client) isAnswered() {
	c.t.Helper()
	got, err := c.ask()
	require.NoError(c.t, err)
	assert.Equal(c.t, "hello\n", got)
}

func TestPassesAndCuts(t *testing.T) {
	p := start(t)
	one, two := connect(t, p), connect(t, p)
	one.isAnswered()
	two.isAnswered()
	assert.Equal(t, 2, p.Connections())
	p.Cut()
	_, err := one.r.ReadByte()
	require.ErrorContains(t, err, "reset")
	_, err = two.r.ReadByte()
	require.Error(t, err)
	connect(t, p).isAnswered()
}

func TestRefusesUntilItPassesAgain(t *testing.T) {
	p := start(t)
	c := connect(t, p)
	c.isAnswered()
	require.NoError(t, p.Set(Refuse()))
	_, err := c.r.ReadByte()
	require.Error(t, err, "what runs is cut")
	_, err = net.Dial("tcp", p.Addr().String())
	require.ErrorContains(t, err, "refused")
	require.NoError(t, p.Set(Pass()))
	connect(t, p).isAnswered()
}

func TestSilenceEndsWithTheNextManner(t *testing.T) {
	p := start(t)
	running := connect(t, p)
	running.isAnswered()
	require.NoError(t, p.Set(Silent()))
	fresh := connect(t, p)
	answers := make(chan string, 2)
	for _, c := range []*client{running, fresh} {
		go func() { s, _ := c.ask(); answers <- s }()
	}
	require.Never(t, func() bool { return len(answers) > 0 }, 50*time.Millisecond, 10*time.Millisecond)
	require.NoError(t, p.Set(Pass()))
	assert.Equal(t, "hello\n", <-answers)
	assert.Equal(t, "hello\n", <-answers)
}

func TestSlowAnswers(t *testing.T) {
	p := start(t)
	require.NoError(t, p.Set(Slow(30*time.Millisecond)))
	c := connect(t, p)
	began := time.Now()
	c.isAnswered()
	c.isAnswered()
	assert.GreaterOrEqual(t, time.Since(began), 60*time.Millisecond)
	require.NoError(t, p.Set(Slow(time.Hour)))
	answer := make(chan string)
	go func() { s, _ := c.ask(); answer <- s }()
	require.NoError(t, p.Set(Pass())) // whether the answer is held back already or not
	assert.Equal(t, "hello\n", <-answer)
}

func TestGarbage(t *testing.T) {
	p := start(t)
	c := connect(t, p)
	require.NoError(t, p.Set(Garbage()))
	_, err := c.Write([]byte("hello\n"))
	require.NoError(t, err)
	got, err := io.ReadAll(c.r)
	require.NoError(t, err)
	assert.Equal(t, rubbish, got)
}

func TestBreaksAfterOctetsThenPasses(t *testing.T) {
	p := start(t)
	c := connect(t, p)
	c.isAnswered()
	require.NoError(t, p.Set(Break(12, 1)))
	c.isAnswered()
	_, err := c.ask()
	require.ErrorIs(t, err, io.EOF, "the second answer makes it twelve octets")
	c = connect(t, p)
	for range 3 {
		c.isAnswered()
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	p := start(t)
	c := connect(t, p)
	c.isAnswered()
	require.NoError(t, p.Set(Silent()))
	connect(t, p)
	require.NoError(t, p.Close())
	_, err := net.Dial("tcp", p.Addr().String())
	require.Error(t, err)
}

func TestOnlyLoopback(t *testing.T) {
	_, err := New(netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("192.0.2.1:3306"))
	require.ErrorContains(t, err, "loopback")
}
