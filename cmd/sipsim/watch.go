package main

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"b2bua/simulator/endpoint"
)

// seen is what of a call is told when it changes.
type seen struct {
	state    endpoint.State
	sas      string
	asked    int // re-INVITEs and UPDATEs that were answered
	infos    string
	pictures int
	streams  []seenStream
}

type seenStream struct {
	kind, direction, profile, encryption, protection, events string
	enabled                                                  bool
	handshakes, keys, pictures, agents                       int
}

func look(m endpoint.Summary) seen {
	s := seen{state: m.State, sas: m.SAS(), asked: m.Reanswered, infos: m.Infos, pictures: m.PictureInfos}
	for _, t := range m.Streams {
		s.streams = append(s.streams, seenStream{
			kind: t.Kind, enabled: t.Enabled, direction: t.Direction, profile: t.Profile, encryption: t.Encryption, protection: protection(t), events: t.Events,
			handshakes: t.Handshakes, keys: t.PeerKeys, pictures: t.Pictures, agents: t.Agents,
		})
	}
	return s
}

// watch prints what changes on a call until it is released or the context ends.
func watch(ctx context.Context, s *show, c *endpoint.Call) {
	last := seen{}
	for last.state != endpoint.Released {
		var now endpoint.Summary
		if c.WaitSummary(ctx, "a change", func(m endpoint.Summary) bool {
			now = m
			return !reflect.DeepEqual(look(m), last)
		}) != nil {
			return
		}
		next := look(now)
		if next.state != last.state && next.state != endpoint.Released {
			status := ""
			if now.Status > 0 {
				status = fmt.Sprintf(" (%d %s)", now.Status, now.Phrase)
			}
			s.event(now.Phone, "%s%s", next.state, status)
		}
		for _, line := range next.since(last) {
			s.event(now.Phone, "%s", line)
		}
		last = next
	}
}

// since tells what has changed, a line each.
func (s seen) since(before seen) (lines []string) {
	if s.sas != before.sas {
		lines = append(lines, "the SAS of ZRTP is "+strings.ToUpper(s.sas))
	}
	if s.asked > before.asked {
		lines = append(lines, "the other side negotiated again")
	}
	if d := strings.TrimPrefix(s.infos, before.infos); d != "" {
		lines = append(lines, "received "+d+" by INFO")
	}
	if s.pictures > before.pictures {
		lines = append(lines, "was asked for a whole picture by INFO")
	}
	for i, t := range s.streams {
		if i < len(before.streams) {
			lines = append(lines, t.since(before.streams[i])...)
		} else if before.streams != nil && t.enabled {
			lines = append(lines, fmt.Sprintf("%s is on now, %s %s, %s", t.kind, t.profile, t.protection, t.direction))
		}
	}
	return lines
}

func (s seenStream) since(before seenStream) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, s.kind+fmt.Sprintf(format, args...)) }
	switch {
	case s.enabled && !before.enabled:
		say(" is on now, %s %s, %s", s.profile, s.protection, s.direction)
	case !s.enabled && before.enabled:
		say(" is off now")
		return lines
	case s.direction != before.direction:
		say(" is %s now, was %s%s", s.direction, before.direction, held(s.direction, before.direction))
	}
	if s.enabled == before.enabled && (s.profile != before.profile || s.protection != before.protection) {
		say(" uses %s %s now", s.profile, s.protection)
	}
	if d := strings.TrimPrefix(s.events, before.events); d != "" {
		lines = append(lines, "received "+d+" as telephone events")
	}
	if s.pictures > before.pictures {
		lines = append(lines, "was asked for a whole picture by RTCP")
	}
	if s.handshakes > before.handshakes && before.handshakes > 0 {
		say(": handshake %d of %s is done", s.handshakes, strings.TrimSuffix(strings.ToUpper(s.encryption), "-SRTP"))
	}
	if s.keys > before.keys && before.keys > 0 {
		say(" has new keys of the other side")
	}
	if s.agents > before.agents && before.agents > 0 {
		say(": ICE has begun again")
	}
	return lines
}

// held names the user's view of a new direction.
func held(now, before string) string {
	switch {
	case now == "recvonly" && before == "sendrecv", now == "inactive" && before != "recvonly":
		return ": held"
	case now == "sendrecv":
		return ": resumed"
	}
	return ""
}
