package ng

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// Client sends commands to one rtpengine. It is used by one goroutine.
type Client struct {
	conn   *net.UDPConn
	prefix string
	count  int
	buf    [65536]byte
}

// RefusedError is an answer with result "error".
type RefusedError struct {
	Command string
	Reason  string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("ng: rtpengine refused %q: %s", e.Command, e.Reason)
}

const (
	tries = 5
	first = 500 * time.Millisecond // until the first repetition; it doubles
)

// Dial opens a socket; nothing is sent yet.
func Dial(at netip.AddrPort) (*Client, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("ng: %w", err)
	}
	return &Client{conn: c, prefix: rand.Text()[:8]}, nil
}

// Close closes the socket.
func (c *Client) Close() { _ = c.conn.Close() }

// Do sends a command and waits for its answer.
func (c *Client) Do(ctx context.Context, command string, args Dict) (Dict, error) {
	message := Dict{"command": command}
	for k, v := range args {
		message[k] = v
	}
	body, err := Marshal(message)
	if err != nil {
		return nil, err
	}
	c.count++
	cookie := append([]byte(c.prefix), '_')
	cookie = append(strconv.AppendInt(cookie, int64(c.count), 10), ' ')
	wait := first
	var last error
	for range tries {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ng: %w", context.Cause(ctx))
		}
		if _, last = c.conn.Write(append(bytes.Clone(cookie), body...)); last == nil {
			var answer Dict
			if answer, last = c.answer(cookie, time.Now().Add(wait)); last == nil {
				return answer, refused(command, answer)
			}
		}
		wait *= 2
	}
	return nil, fmt.Errorf("ng: no answer to %q from %s: %w", command, c.conn.RemoteAddr(), last)
}

// answer reads until the one with the cookie; late answers to earlier commands are passed over.
func (c *Client) answer(cookie []byte, until time.Time) (Dict, error) {
	if err := c.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	for {
		n, err := c.conn.Read(c.buf[:])
		if err != nil {
			return nil, err
		}
		if body, ok := bytes.CutPrefix(c.buf[:n], cookie); ok {
			return Unmarshal(body)
		}
	}
}

func refused(command string, answer Dict) error {
	if result, _ := answer["result"].(string); result != "error" {
		return nil
	}
	reason, _ := answer["error-reason"].(string)
	return &RefusedError{Command: command, Reason: reason}
}
