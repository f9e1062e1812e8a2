//go:build linux

package load

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
)

const (
	probeAddress = "127.0.0.44:5060"
	// probeEvery is the rest after a call that was refused, before the next one; it grows to probePart of what the account has been
	// waited for, so that many that wait are no load of their own.
	probeEvery = time.Millisecond
	probePart  = 16
)

// probe tells when accounts are usable: it calls by way of one again and again until the call comes back as leg B, where it is refused.
type probe struct {
	stack *transport.Stack
	dut   netip.AddrPort

	mu   sync.Mutex
	done bool
	slow time.Duration

	// Of the loop.
	waits map[int]waiting
	asked map[transport.TxID]asked
}

type waiting struct {
	since time.Time
	tell  chan time.Time
}

type asked struct {
	account int
	at      time.Time
}

func newProbe(dut string) (*probe, error) {
	p := &probe{dut: netip.MustParseAddrPort(dut), waits: map[int]waiting{}, asked: map[transport.TxID]asked{}}
	var err error
	p.stack, err = transport.New(transport.Config{
		Listen: []transport.Listener{{Network: "udp", Addr: netip.MustParseAddrPort(probeAddress)}},
		Attach: func(s *transport.Stack) { p.stack = s },
	}, p)
	return p, err
}

func (p *probe) close() {
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.stack.Close(ctx) // nothing waits for it
}

// longest is how long b2bua took to answer a call at most.
func (p *probe) longest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slow
}

// usable gets the moment at which a call came out by the account.
func (p *probe) usable(account int) <-chan time.Time {
	c := make(chan time.Time, 1)
	_ = p.stack.Do(func(now time.Time) {
		p.waits[account] = waiting{now, c}
		p.call(account)
	})
	return c
}

const probeBody = "v=0\r\no=- 1 1 IN IP4 127.0.0.44\r\ns=-\r\nc=IN IP4 127.0.0.44\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"

func (p *probe) call(account int) {
	user := strconv.Itoa(account)
	m := &sip.Message{
		Method: sip.INVITE, URI: sip.URI{Scheme: "sip", User: "probe" + user, Host: "example.org"},
		From:   sip.Address{URI: sip.URI{Scheme: "sip", User: "alias" + user, Host: "example.org"}}.WithTag(sip.NewTag(rand.Reader)),
		To:     sip.Address{URI: sip.URI{Scheme: "sip", User: "probe" + user, Host: "example.org"}},
		CallID: sip.NewCallID(rand.Reader), CSeq: sip.CSeq{Number: 1, Method: sip.INVITE}, MaxForwards: 70,
		Contact: []sip.Address{{URI: sip.URI{Scheme: "sip", User: "probe"}}}, Body: []byte(probeBody),
	}
	m.Add("Content-Type", "application/sdp")
	tx := p.stack.Request(m, transport.NextHop{URI: sip.URI{Scheme: "sip", Host: p.dut.Addr().String(), Port: int(p.dut.Port())}})
	p.asked[tx] = asked{account, time.Now()}
}

// HandleRequest refuses leg B.
func (p *probe) HandleRequest(_ time.Time, tx transport.TxID, req *sip.Message, _ transport.Flow) {
	if tx == 0 {
		return
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(req.URI.User, "probe")); err == nil && p.waits[n].tell != nil {
		p.waits[n].tell <- time.Now()
		delete(p.waits, n)
	}
	p.stack.Respond(tx, sip.NewResponse(req, 486, "", p.stack.Tag(tx)))
}

// HandleCancel is of no interest.
func (p *probe) HandleCancel(time.Time, transport.TxID, *sip.Message) {}

// HandleResponse calls again.
func (p *probe) HandleResponse(_ time.Time, tx transport.TxID, resp *sip.Message) {
	if resp.Status >= 200 {
		p.ended(tx)
	}
}

// HandleFailure calls again.
func (p *probe) HandleFailure(_ time.Time, tx transport.TxID, _ error) { p.ended(tx) }

func (p *probe) ended(tx transport.TxID) {
	a, ok := p.asked[tx]
	delete(p.asked, tx)
	w := p.waits[a.account]
	if !ok || w.tell == nil {
		return
	}
	p.mu.Lock()
	p.slow = max(p.slow, time.Since(a.at))
	done := p.done
	p.mu.Unlock()
	if !done {
		time.AfterFunc(max(probeEvery, time.Since(w.since)/probePart), func() {
			_ = p.stack.Do(func(time.Time) { p.call(a.account) }) // closed: nobody waits any more
		})
	}
}

// HandleTime has nothing to do.
func (p *probe) HandleTime(time.Time) {}

// Deadline is none.
func (p *probe) Deadline() (time.Time, bool) { return time.Time{}, false }

// publisher announces accounts at a Redis server.
type publisher struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func newPublisher(ctx context.Context, addr string) (*publisher, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return &publisher{conn: c, in: bufio.NewReader(c)}, nil
}

func (p *publisher) close() { _ = p.conn.Close() } // nothing is lost

const accountsChannel = "flexisip/B2BUA/account"

// heard waits until somebody listens.
func (p *publisher) heard(ctx context.Context, patience time.Duration) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		n, err := p.send("account1", accountsDomain, "1")
		if err != nil {
			return err
		}
		if n > 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("b2bua does not listen to Redis")
}

func (p *publisher) publish(account int) error {
	n, err := p.send("account"+strconv.Itoa(account), accountsDomain, strconv.Itoa(account))
	if err == nil && n == 0 {
		err = errors.New("b2bua does not listen to Redis any more")
	}
	return err
}

// send announces one, and returns how many listen.
func (p *publisher) send(user, domain, identifier string) (listeners int, err error) {
	text, err := json.Marshal(map[string]string{"username": user, "domain": domain, "identifier": identifier})
	if err != nil {
		return 0, err
	}
	p.out = fmt.Appendf(p.out[:0], "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(accountsChannel), accountsChannel, len(text), text)
	if err := p.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := p.conn.Write(p.out); err != nil {
		return 0, fmt.Errorf("redis: %w", err)
	}
	line, err := p.in.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("redis: %w", err)
	}
	if !strings.HasPrefix(line, ":") {
		return 0, fmt.Errorf("redis: PUBLISH is answered with %q", line)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}
