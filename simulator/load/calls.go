//go:build linux

package load

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// phase of a call at the caller.
type phase uint8

const (
	idle phase = iota
	inviting
	proceeding // a provisional response came
	up         // answered and acknowledged
	releasing
	done
	broken
)

// call is one call with both of its ends.
type call struct {
	n      int
	phase  phase
	a, b   *side
	began  int64 // ns
	timer  int64 // ns: when to look again
	giveUp int64
	wait   time.Duration // next retransmission interval

	to, contact []byte // learned from the 2xx
	routes      [][]byte
	acked       bool   // at the callee
	ended       bool   // BYE at the callee
	ok          []byte // the callee's 200
	conn        *conn  // where the callee's INVITE came in
	peer        unix.RawSockaddrInet4
	calleeID    string
	offer       description // to the callee
}

// signaller plays both ends of all calls.
type signaller struct {
	cfg      *Config
	wires    *wires
	uac, uas *conn
	dut      unix.RawSockaddrInet4
	run      string
	calls    []call
	byID     map[string]*call // by Call-ID of the callee's leg
	wheel    [][]int32        // retransmissions and ends of hold, in slots of 10 ms
	slot     int64            // last one looked at
	now      int64
	open     int // calls neither done nor broken, of those begun
	msg      message
	keying   *keying
	out      []byte

	failures   map[string]int
	latencies  []int64
	repeated   int
	reinvites  int
	strange    int
	endedByDUT int
	completed  int
	head       string
}

const (
	wheelSlots = 8192
	slotTime   = int64(10 * time.Millisecond)
	t1         = 500 * time.Millisecond
	t2         = 4 * time.Second
)

func newSignaller(cfg *Config, run string, sides []side) (*signaller, error) {
	w, err := newWires()
	if err != nil {
		return nil, err
	}
	s := &signaller{
		cfg: cfg, wires: w, run: run, dut: raw(cfg.DUT), calls: make([]call, len(sides)/2), byID: make(map[string]*call, cfg.Calls),
		wheel: make([][]int32, wheelSlots), failures: map[string]int{}, head: headerText(cfg.Header),
	}
	for i := range s.calls {
		s.calls[i] = call{n: i, a: &sides[2*i], b: &sides[2*i+1]}
	}
	w.handle = s.receive
	if s.uas, err = w.open(cfg.Network, cfg.UAS); err == nil {
		if s.uac, err = w.open(cfg.Network, cfg.UAC); err == nil && cfg.Network == "tcp" {
			s.uac, err = w.dial(cfg.UAC.Addr(), cfg.DUT)
		}
	}
	if err != nil {
		w.close()
		return nil, err
	}
	s.now = time.Now().UnixNano()
	s.slot = s.now / slotTime
	return s, nil
}

func headerText(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// step handles what came within ms, and the timers that are due.
func (s *signaller) step(ms int) {
	s.now = time.Now().UnixNano()
	s.wires.poll(ms)
	s.keying.poll()
	s.now = time.Now().UnixNano()
	for slot := s.now / slotTime; s.slot < slot; {
		s.slot++
		list := s.wheel[s.slot%wheelSlots]
		s.wheel[s.slot%wheelSlots] = list[len(list):]
		for _, n := range list {
			if c := &s.calls[n]; c.timer != 0 && c.timer/slotTime <= s.slot {
				s.due(c)
			}
		}
	}
}

// arm looks at a call again after d.
func (s *signaller) arm(c *call, d time.Duration) {
	c.timer = s.now + int64(d)
	slot := min(c.timer/slotTime+1, s.slot+wheelSlots-1)
	s.wheel[slot%wheelSlots] = append(s.wheel[slot%wheelSlots], int32(c.n))
}

// due repeats what was not answered (UDP), ends the hold or gives up.
func (s *signaller) due(c *call) {
	c.timer = 0
	switch c.phase {
	case idle, done, broken:
	case up:
		if s.cfg.udp() && !c.acked && s.now < c.giveUp {
			s.repeated++
			s.wires.send(c.conn, &c.peer, c.ok)
			s.arm(c, t1)
			return
		}
		if !s.cfg.Media {
			s.release(c)
		}
	case inviting, proceeding, releasing:
		if s.now >= c.giveUp {
			s.fail(c, "no answer in time")
			return
		}
		if s.cfg.udp() {
			s.repeat(c)
		}
		c.wait = min(2*c.wait, t2)
		s.arm(c, min(c.wait, time.Duration(c.giveUp-s.now)+1))
	}
}

// repeat sends again what is not answered: datagrams get lost.
func (s *signaller) repeat(c *call) {
	switch {
	case c.phase == inviting:
		s.sendInvite(c)
	case c.phase == releasing:
		s.sendBye(c)
	case c.ok != nil && !c.acked:
		s.wires.send(c.conn, &c.peer, c.ok)
	default:
		return
	}
	s.repeated++
}

// udp tells that messages can be lost.
func (c *Config) udp() bool { return c.Network == "udp" }

func (s *signaller) fail(c *call, why string) {
	if c.phase != broken && c.phase != done {
		c.phase, c.timer = broken, 0
		s.open--
		s.failures[why]++
	}
}

// start places call n.
func (s *signaller) start(c *call) {
	c.phase, c.began, c.giveUp, c.wait = inviting, s.now, s.now+int64(s.cfg.Timeout), t1
	s.open++
	s.sendInvite(c)
	s.arm(c, t1)
}

func (s *signaller) sendInvite(c *call) {
	s.request(c, "INVITE", "1", "i", nil)
}

func (s *signaller) release(c *call) {
	if c.phase != up {
		return
	}
	c.phase, c.giveUp, c.wait = releasing, s.now+int64(s.cfg.Timeout), t1
	s.sendBye(c)
	s.arm(c, t1)
}

func (s *signaller) sendBye(c *call) { s.request(c, "BYE", "2", "b", c.contact) }

func (s *signaller) user(b []byte, n int) []byte {
	b = append(b, "load"...)
	b = append(b, s.run...)
	b = append(b, 'x')
	return strconv.AppendInt(b, int64(n), 10)
}

// expand puts the call's user part into a URI template.
func (s *signaller) expand(b []byte, template string, n int) []byte {
	before, after, ok := strings.Cut(template, "%u")
	b = append(b, before...)
	if ok {
		b = append(s.user(b, n), after...)
	}
	return b
}

// request builds and sends a request of the caller. A nil uri is the target.
func (s *signaller) request(c *call, method, cseq, branch string, uri []byte) {
	b := append(s.out[:0], method...)
	b = append(b, ' ')
	if uri == nil {
		b = s.expand(b, s.cfg.Target, c.n)
	} else {
		b = append(b, uri...)
	}
	b = append(b, " SIP/2.0\r\nVia: SIP/2.0/"...)
	b = append(b, strings.ToUpper(s.cfg.Network)...)
	b = append(b, ' ')
	b = s.cfg.UAC.AppendTo(b)
	b = append(b, ";rport;branch=z9hG4bK"...)
	b = append(b, branch...)
	b = s.user(b, c.n)
	b = append(b, "\r\nMax-Forwards: 70\r\n"...)
	for _, r := range c.routes {
		b = append(append(append(b, "Route: "...), r...), crlf...)
	}
	b = append(b, "From: <"...)
	b = s.expand(b, s.cfg.From, c.n)
	b = append(b, ">;tag=a"...)
	b = s.user(b, c.n)
	b = append(b, "\r\nTo: "...)
	if c.to != nil {
		b = append(b, c.to...)
	} else {
		b = append(s.expand(append(b, '<'), s.cfg.Target, c.n), '>')
	}
	b = append(b, "\r\nCall-ID: "...)
	b = s.user(b, c.n)
	b = append(append(append(append(b, "\r\nCSeq: "...), cseq...), ' '), method...)
	b = append(b, "\r\nUser-Agent: sipsim-load\r\nContact: <"...)
	b = append(s.contact(b, s.cfg.UAC), ">\r\n"...)
	if method != "INVITE" {
		b = append(b, "Content-Length: 0\r\n\r\n"...)
	} else {
		b = append(append(b, "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"...), s.head...)
		b = withBody(b, c.a.write(nil))
	}
	s.out = b
	s.wires.send(s.uac, &s.dut, b)
}

func withBody(b, body []byte) []byte {
	b = append(b, "Content-Type: application/sdp\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	return append(append(b, blank...), body...)
}

func (s *signaller) contact(b []byte, at netip.AddrPort) []byte {
	b = at.AppendTo(append(b, "sip:load@"...))
	if !s.cfg.udp() {
		b = append(b, ";transport=tcp"...)
	}
	return b
}

// receive takes one message of either end.
func (s *signaller) receive(c *conn, b []byte) {
	m := &s.msg
	if !m.parse(b) {
		s.strange++
		return
	}
	if m.status != 0 {
		s.response(m)
		return
	}
	s.requested(c, m)
}

// number is the call that a text names with our user part.
func (s *signaller) number(text []byte) *call {
	i := bytes.Index(text, []byte("load"+s.run+"x"))
	if i < 0 {
		return nil
	}
	text = text[i+len("loadx")+len(s.run):]
	n, digits := 0, 0
	for ; digits < len(text) && text[digits] >= '0' && text[digits] <= '9' && digits < 9; digits++ {
		n = n*10 + int(text[digits]-'0')
	}
	if digits == 0 || n >= len(s.calls) {
		return nil
	}
	return &s.calls[n]
}

// response goes to the caller.
func (s *signaller) response(m *message) {
	c := s.number(m.callID)
	switch {
	case c == nil:
		s.strange++
	case m.is("BYE"):
		if m.status >= 200 && c.phase == releasing {
			c.phase, c.timer = done, 0
			s.open--
			s.completed++
		}
	case !m.is("INVITE"):
	case m.status < 200:
		if c.phase == inviting {
			c.phase = proceeding
		}
	case m.status < 300:
		s.answered(c, m)
	default:
		s.refused(c, m)
	}
}

func (s *signaller) answered(c *call, m *message) {
	switch c.phase {
	case inviting, proceeding:
	case up, releasing: // the 2xx again: so is the ACK
		s.request(c, "ACK", "1", "k", c.contact)
		return
	case idle, done, broken:
		return
	}
	c.to, c.contact, c.routes = bytes.Clone(m.to), bytes.Clone(uriIn(m.contact)), nil
	for i := len(m.recordRoute) - 1; i >= 0; i-- {
		c.routes = append(c.routes, bytes.Clone(m.recordRoute[i]))
	}
	s.latencies = append(s.latencies, s.now-c.began)
	s.request(c, "ACK", "1", "k", c.contact)
	c.phase = up
	var d description
	if err := d.read(m.body, c.a.suite, c.a.method); err != nil {
		s.failures[fmt.Sprintf("answer: %v", err)]++
		s.release(c)
		return
	}
	c.a.peer(d)
	if err := s.keying.begin(c.a, d); err != nil {
		s.failures[err.Error()]++
		s.release(c)
		return
	}
	s.holdOn(c)
}

// holdOn ends the call after its hold, at once when there is none; media calls stay.
func (s *signaller) holdOn(c *call) {
	switch {
	case s.cfg.Media:
		s.arm(c, t1) // only the 2xx at the callee may have to be repeated
	case s.cfg.Hold == 0:
		s.release(c)
	default:
		s.arm(c, s.cfg.Hold)
	}
}

func (s *signaller) refused(c *call, m *message) {
	s.out = s.out[:0]
	to := c.to
	c.to = bytes.Clone(m.to)
	s.request(c, "ACK", "1", "i", nil) // same branch (RFC 3261 section 17.1.1.3)
	c.to = to
	s.fail(c, string(m.start[8:]))
}

// requested goes to the callee, or to the caller when the B2BUA releases the call.
func (s *signaller) requested(from *conn, m *message) {
	switch {
	case m.is("INVITE"):
		s.invited(from, m)
	case m.is("ACK"):
		if c := s.byID[string(m.callID)]; c != nil {
			c.acked = true
		}
	case m.is("BYE"):
		s.reply(from, m, "200 OK", nil, nil)
		if c := s.byID[string(m.callID)]; c != nil {
			s.calleeBye(c)
		} else if c := s.number(m.callID); c != nil && c.phase == up {
			s.endedByDUT++
			s.fail(c, "BYE from the B2BUA to the caller")
		}
	default:
		s.reply(from, m, "200 OK", nil, nil)
	}
}

func (s *signaller) calleeBye(c *call) {
	if c.phase == up && !c.ended {
		s.endedByDUT++
		s.fail(c, "BYE from the B2BUA to the callee")
	}
	c.ended = true
	c.ok = nil
}

func (s *signaller) invited(from *conn, m *message) {
	c := s.byID[string(m.callID)]
	if c != nil {
		if bytes.Contains(m.to, []byte(";tag=")) {
			s.reinvites++
			s.reply(from, m, "200 OK", c.b.write(&c.offer), &s.cfg.UAS)
		} else {
			s.wires.send(from, &from.peer, c.ok)
		}
		return
	}
	if c = s.number(m.start); c == nil {
		c = s.number(m.to)
	}
	if c == nil || c.calleeID != "" {
		s.strange++
		s.reply(from, m, "404 Not Found", nil, nil)
		return
	}
	c.calleeID = string(m.callID)
	s.byID[c.calleeID] = c
	var d description
	if err := d.read(m.body, c.b.suite, c.b.method); err != nil {
		s.failures[fmt.Sprintf("offer to the callee: %v", err)]++
		s.reply(from, m, "488 Not Acceptable Here", nil, nil)
		return
	}
	c.b.peer(d)
	c.offer = d.clone()
	if err := s.keying.begin(c.b, d); err != nil {
		s.failures[err.Error()]++
		s.reply(from, m, "488 Not Acceptable Here", nil, nil)
		return
	}
	if s.cfg.Ring {
		s.reply(from, m, "180 Ringing", nil, &s.cfg.UAS)
	}
	c.conn, c.peer = from, from.peer
	s.reply(from, m, "200 OK", c.b.write(&c.offer), &s.cfg.UAS)
	c.ok = bytes.Clone(s.out)
}

// reply answers a request where it came from.
func (s *signaller) reply(to *conn, m *message, status string, body []byte, contact *netip.AddrPort) {
	b := append(append(s.out[:0], "SIP/2.0 "...), status...)
	b = append(b, crlf...)
	for _, v := range m.via {
		b = append(append(append(b, "Via: "...), v...), crlf...)
	}
	for _, v := range m.recordRoute {
		b = append(append(append(b, "Record-Route: "...), v...), crlf...)
	}
	b = append(append(append(b, "From: "...), m.from...), "\r\nTo: "...)
	b = append(b, m.to...)
	if !bytes.Contains(m.to, []byte(";tag=")) {
		b = append(append(b, ";tag=b"...), m.callID[:min(len(m.callID), 16)]...)
	}
	b = append(append(append(b, "\r\nCall-ID: "...), m.callID...), "\r\nCSeq: "...)
	b = append(append(b, m.cseq...), crlf...)
	if contact != nil {
		b = append(s.contact(append(b, "Contact: <"...), *contact), ">\r\n"...)
	}
	if body != nil {
		b = withBody(b, body)
	} else {
		b = append(b, "Content-Length: 0\r\n\r\n"...)
	}
	s.out = b
	s.wires.send(to, &to.peer, b)
}

// paceSetup is pace for calls that stay: those that are up are no longer in progress.
func (s *signaller) paceSetup(begun int, start int64) int {
	if s.cfg.Rate > 0 {
		return s.pace(begun, start)
	}
	for ; begun < len(s.calls) && s.open-len(s.latencies) < s.cfg.Parallel; begun++ {
		s.start(&s.calls[begun])
	}
	return begun
}

// pace places what is due; begun counts the calls placed so far.
func (s *signaller) pace(begun int, start int64) int {
	if s.cfg.Rate > 0 {
		due := int(float64(s.now-start)/1e9*s.cfg.Rate) + 1
		for ; begun < min(due, len(s.calls)); begun++ {
			s.start(&s.calls[begun])
		}
		return begun
	}
	for ; begun < len(s.calls) && s.open < s.cfg.Parallel; begun++ {
		s.start(&s.calls[begun])
	}
	return begun
}

// settled: no call is between two phases. Calls that were never placed do not count.
func (s *signaller) settled(stay phase) bool {
	for i := range s.calls {
		if p := s.calls[i].phase; p != idle && p != done && p != broken && p != stay {
			return false
		}
	}
	return true
}
