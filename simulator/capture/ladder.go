package capture

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// column is the least width of a ladder's column, in characters.
const column = 26

// widest keeps four parties on a wide terminal; a longer text is cut.
const widest = 48

// Ladder draws the SIP messages, one arrow per message, a column per party, and one line per media stream.
func (r *Recorder) Ladder(w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.sorted()
	d := drawing{parties: r.parties(messages)}
	if len(messages) == 0 && len(r.packets) == 0 {
		_, err := io.WriteString(w, "(nothing was exchanged)\n")
		return err
	}
	start := r.start(messages)
	d.width = column
	for _, m := range messages {
		d.fit(r.party(m.From), r.party(m.To), label(m))
		d.fit(r.party(m.From), r.party(m.To), describe(m.Body()))
	}
	d.heads()
	for _, m := range messages {
		d.arrow(m.At.Sub(start), r.party(m.From), r.party(m.To), label(m))
		if text := describe(m.Body()); text != "" {
			d.note(r.party(m.From), r.party(m.To), text)
		}
	}
	d.media(r.streams(), start)
	if r.dropped > 0 {
		fmt.Fprintf(&d.out, "%d further media packets were counted, not kept\n", r.dropped)
	}
	_, err := io.WriteString(w, d.out.String())
	return err
}

func (r *Recorder) start(messages []Message) time.Time {
	if len(messages) > 0 {
		return messages[0].At
	}
	return r.packets[0].at
}

// parties in the order of their first message, so that the caller stands left. A party that only appears as Other keeps the place of its first message.
func (r *Recorder) parties(messages []Message) []string {
	var out []string
	for _, m := range messages {
		for _, p := range []string{r.party(m.From), r.party(m.To)} {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// label is what stands on an arrow: start line without version, and the method that a response belongs to.
func label(m Message) string {
	var b strings.Builder
	if m.IsRequest() {
		b.WriteString(m.Method())
		if strings.Contains(m.Header("To"), ";tag=") && m.Method() == "INVITE" {
			b.WriteString(" (again)")
		}
	} else {
		fmt.Fprintf(&b, "%s (%s)", strings.TrimPrefix(m.StartLine(), "SIP/2.0 "), m.Method())
	}
	return b.String()
}

// describe tells in a few words what an SDP body says: profile and suites of each m-line, never a key.
func describe(body string) string {
	var parts []string
	for _, line := range strings.Split(body, "\n") {
		line = strings.TrimSpace(line)
		if f := strings.Fields(line); strings.HasPrefix(line, "m=") && len(f) >= 3 {
			part := strings.TrimPrefix(f[0], "m=") + " " + f[2]
			if f[1] == "0" {
				part = strings.TrimPrefix(f[0], "m=") + " off"
			}
			parts = append(parts, part)
			continue
		}
		f := strings.Fields(strings.TrimPrefix(line, "a=crypto:"))
		if strings.HasPrefix(line, "a=crypto:") && len(f) >= 2 && len(parts) > 0 {
			parts[len(parts)-1] += " " + f[1]
		}
		for _, d := range []string{"sendonly", "recvonly", "inactive"} {
			if line == "a="+d && len(parts) > 0 {
				parts[len(parts)-1] += " " + d
			}
		}
	}
	return strings.Join(parts, ", ")
}

type drawing struct {
	out     strings.Builder
	line    strings.Builder // the one being drawn
	parties []string
	width   int
}

// fit widens the columns until a label stands over its arrow; a label over several columns needs less.
func (d *drawing) fit(from, to, text string) {
	columns := slices.Index(d.parties, from) - slices.Index(d.parties, to)
	columns = max(columns, -columns, 1)
	d.width = min(max(d.width, (utf8.RuneCountInString(text)+6)/columns+1), widest)
}

const margin = "            "

func (d *drawing) heads() {
	d.line.WriteString(margin)
	for _, p := range d.parties {
		fmt.Fprintf(&d.line, "%-*s", d.width, p)
	}
	d.flush()
	d.lifelines("")
}

// lifelines draws one line of bars with a text at the left.
func (d *drawing) lifelines(at string) {
	fmt.Fprintf(&d.line, "%*s  ", len(margin)-2, at)
	for range d.parties {
		fmt.Fprintf(&d.line, "%-*s", d.width, "|")
	}
	d.flush()
}

// flush ends a line without trailing blanks.
func (d *drawing) flush() {
	d.out.WriteString(strings.TrimRight(d.line.String(), " ") + "\n")
	d.line.Reset()
}

func (d *drawing) arrow(at time.Duration, from, to, text string) {
	a, b := slices.Index(d.parties, from), slices.Index(d.parties, to)
	fmt.Fprintf(&d.line, "%*.3fs  ", len(margin)-3, at.Seconds())
	if a == b {
		d.cells(a, "|"+" (to itself) "+text)
		return
	}
	left, right := min(a, b), max(a, b)
	span := (right-left)*d.width - 1
	text = " " + cut(text, span-5) + " "
	line := text + strings.Repeat("-", max(0, span-utf8.RuneCountInString(text)-2))
	if a < b {
		line = "-" + line + ">"
	} else {
		line = "<-" + line
	}
	d.cells(left, "|"+line)
}

// note writes what a body says under its arrow.
func (d *drawing) note(from, to, text string) {
	a, b := slices.Index(d.parties, from), slices.Index(d.parties, to)
	span := max(a-b, b-a, 1)*d.width - 1
	fmt.Fprintf(&d.line, "%*s", len(margin), "")
	d.cells(min(a, b), "|    "+cut(text, span-6))
}

// cells puts text at a column and bars in the others.
func (d *drawing) cells(at int, text string) {
	for range at {
		fmt.Fprintf(&d.line, "%-*s", d.width, "|")
	}
	d.line.WriteString(text)
	used := (utf8.RuneCountInString(text) + d.width - 1) / d.width
	if fill := used*d.width - utf8.RuneCountInString(text); at+used < len(d.parties) {
		d.line.WriteString(strings.Repeat(" ", fill))
		for range len(d.parties) - at - used {
			fmt.Fprintf(&d.line, "%-*s", d.width, "|")
		}
	}
	d.flush()
}

func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:max(0, n-1)]) + "~"
}

// flow is one direction of media between two sockets.
type flow struct {
	from, to    netip.AddrPort
	packets     int
	octets      int
	first, last time.Time
	pt          byte
	rtcp        bool
}

// streams sums up the media packets per direction and kind, in the order of their first packets.
func (r *Recorder) streams() []flow {
	type key struct {
		from, to netip.AddrPort
		pt       byte
	}
	at := map[key]int{}
	var out []flow
	for _, p := range r.packets {
		if len(p.payload) < 8 {
			continue
		}
		rtcp := p.payload[1] >= 192 && p.payload[1] <= 223 // RFC 5761 section 4
		k := key{p.from, p.to, p.payload[1] & 0x7f}
		if rtcp {
			k.pt = 200 & 0x7f
		}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, flow{from: p.from, to: p.to, first: p.at, pt: k.pt, rtcp: rtcp})
		}
		out[i].packets++
		out[i].octets += len(p.payload)
		out[i].last = p.at
	}
	return out
}

func (d *drawing) media(flows []flow, start time.Time) {
	if len(flows) == 0 {
		return
	}
	d.out.WriteString("\nmedia\n")
	for _, f := range flows {
		kind := fmt.Sprintf("RTP payload type %d", f.pt)
		if f.rtcp {
			kind = "RTCP"
		}
		fmt.Fprintf(&d.out, "  %-21s -> %-21s %-20s %6d packets, %d octets, %.3fs to %.3fs\n", f.from, f.to, kind, f.packets, f.octets,
			f.first.Sub(start).Seconds(), f.last.Sub(start).Seconds())
	}
}
