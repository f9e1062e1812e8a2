package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
)

// outputFlags are the ways to see a run.
type outputFlags struct {
	JSON     bool   `name:"json" help:"Print the result as JSON on standard output; what is meant for people goes to standard error."`
	Ladder   bool   `help:"Draw the SIP messages at the end, one arrow each, SDES keys struck out."`
	Pcap     string `placeholder:"FILE" help:"Write SIP messages and media packets as pcapng (for wireshark), SDES keys struck out."`
	KeepKeys bool   `help:"Leave SDES keys in the file of --pcap, so that it can be decrypted. Keep that file to yourself."`
}

// show prints for people, a line at a time from any goroutine.
type show struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func (o *outputFlags) show(e *env) *show {
	if o.JSON {
		return &show{out: e.stderr, start: time.Now()}
	}
	return &show{out: e.stdout, start: time.Now()}
}

func (s *show) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.out, format+"\n", args...) // a closed terminal must not end a call
}

// event is a line with the time since the start.
func (s *show) event(who, format string, args ...any) {
	s.line("%8.3fs  %-8s %s", time.Since(s.start).Seconds(), who, fmt.Sprintf(format, args...))
}

// finish writes what was asked for about the whole run.
func (o *outputFlags) finish(e *env, record *capture.Recorder, result any) error {
	if o.Ladder {
		var b strings.Builder
		if err := record.Ladder(&b); err != nil {
			return err
		}
		o.show(e).line("\n%s", b.String())
	}
	if o.Pcap != "" {
		if err := o.writePcap(record); err != nil {
			return err
		}
	}
	if !o.JSON {
		return nil
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(result)
}

func (o *outputFlags) writePcap(record *capture.Recorder) error {
	f, err := os.OpenFile(o.Pcap, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--pcap: %w", err)
	}
	record.KeepKeys = o.KeepKeys
	if err := record.WritePcapng(f); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	return f.Close()
}

// describe is one stream in a line.
func describe(m endpoint.StreamSummary) string {
	if !m.Enabled {
		return m.Kind + " off"
	}
	text := fmt.Sprintf("%s %s %s, %s, %s", m.Kind, m.Profile, protection(m), m.Codec, m.Direction)
	if m.Fault != "" {
		text += "; " + m.Fault
	}
	if m.Received == 0 {
		return text + fmt.Sprintf("; sent %d packets, received none", m.Sent)
	}
	heard := "hears no known tone"
	if m.ToneHeard > 0 {
		heard = fmt.Sprintf("hears %.0f Hz (%.0f%% sure)", m.ToneHeard, 100*m.Certainty)
	}
	text += fmt.Sprintf("; sent %d, received %d, lost %d (%.1f%%), jitter %.1f ms", m.Sent, m.Received, m.Lost, m.LossPercent, float64(m.Jitter)/float64(time.Millisecond))
	if m.Refused > 0 {
		text += fmt.Sprintf(", %d refused", m.Refused)
	}
	return text + fmt.Sprintf("; %s, MOS %.1f", heard, m.MOS)
}

// protection is the encryption of a stream with the suite in use.
func protection(m endpoint.StreamSummary) string {
	switch {
	case m.Encryption == "none":
		return "in clear"
	case m.Suite == "":
		return strings.ToUpper(m.Encryption) + " without keys"
	}
	return strings.ToUpper(m.Encryption) + " " + m.Suite
}

// agreement is how the keys of ZRTP came about.
func agreement(z *endpoint.ZRTPSummary) string {
	var parts []string
	say := func(ok bool, text string) {
		if ok {
			parts = append(parts, text)
		}
	}
	if z.SAS == "" {
		say(true, fmt.Sprintf("ZRTP did not agree on keys; %d of its packets came", z.Heard))
	} else {
		say(true, fmt.Sprintf("SAS %s, by %s with %s, %s, %s", strings.ToUpper(z.SAS), z.Agreement, z.Hash, z.Cipher, z.Tag))
		say(z.Continuity, "known from an earlier call")
		say(z.Mismatch, "NOT the one of the last call: compare the SAS")
		say(z.Verified && z.PeerVerified, "SAS compared earlier")
		say(z.HashVerified, "its Hello is that of the description")
		say(true, fmt.Sprintf("other side: %q %s", z.Client, z.Peer))
	}
	for _, alert := range z.Alerts {
		say(true, "suspicious: "+alert)
	}
	return strings.Join(parts, "; ")
}

// summary prints how a call went.
func (s *show) summary(c endpoint.Summary) {
	end := string(c.State)
	if c.State == endpoint.Released {
		end = fmt.Sprintf("ended by %s (%s)", c.EndedBy, c.EndCause)
	}
	s.event(c.Phone, "%s call with %s: %d %s, set up in %d ms, %s", c.Direction, c.Peer, c.Status, c.Phrase, c.Setup.Milliseconds(), end)
	if c.Reason != "" {
		s.event(c.Phone, "  reason given: %s", c.Reason)
	}
	for _, m := range c.Streams {
		s.event(c.Phone, "  %s", describe(m))
		if m.ZRTP != nil {
			s.event(c.Phone, "    %s", agreement(m.ZRTP))
		}
	}
}
