package product

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const stamp = "2026-11-22 01:02:03:004 flexisip-"

func lines(text ...string) []Line {
	out := make([]Line, 0, len(text))
	for _, t := range text {
		out = append(out, readLine(time.Time{}, t))
	}
	return out
}

var farewell = stamp + "message- server-stop - stopped: calls=0 streams=0 requests=0 flows=0 after 3ms"

func TestJudge(t *testing.T) {
	named := []*regexp.Regexp{regexp.MustCompile("sky")}
	for name, test := range map[string]struct {
		lines     []string
		end       Ended
		announced Announced
		fault     string // empty: none
	}{
		"quiet":                      {lines: []string{farewell}},
		"error":                      {lines: []string{stamp + "error- x - sky fell", farewell}, fault: "sky fell"},
		"fatal":                      {lines: []string{stamp + "fatal- x - sky fell", farewell}, fault: "sky fell"},
		"announced error":            {lines: []string{stamp + "error- x - sky fell", farewell}, announced: Announced{Errors: named}},
		"announced, did not come":    {lines: []string{farewell}, announced: Announced{Errors: named}, fault: "did not appear"},
		"warning":                    {lines: []string{stamp + "warning- x - sky may fall", farewell}},
		"error in words only":        {lines: []string{stamp + "message- x - an error was relayed: flexisip-error- no", farewell}},
		"panic":                      {lines: []string{"panic: boom", "goroutine 1 [running]:", farewell}, fault: "goroutine 1"},
		"fatal error of the runtime": {lines: []string{"fatal error: all goroutines are asleep - deadlock!"}, end: Ended{BySelf: true, Status: 2}, fault: "asleep"},
		"race":                       {lines: []string{"WARNING: DATA RACE", farewell}, fault: "DATA RACE"},
		"caught panic":               {lines: []string{stamp + "warning- x - panic in a callback", farewell}, fault: "panic caught"},
		"leaked call":                {lines: []string{stamp + "message- x - stopped: calls=2 streams=0 flows=0"}, fault: "calls=2"},
		"leaked something new":       {lines: []string{stamp + "message- x - stopped: calls=0 streams=0 flows=0 moons=1"}, fault: "moons=1"},
		"a kind is not counted":      {lines: []string{stamp + "message- x - stopped: calls=0 flows=0"}, fault: "does not count streams"},
		"left on purpose":            {lines: []string{stamp + "message- x - stopped: calls=2 streams=0 flows=0"}, announced: Announced{Left: true}},
		"no farewell":                {fault: "no farewell"},
		"ended by itself":            {end: Ended{BySelf: true, Status: 3}, fault: "status 3"},
		"announced end":              {end: Ended{BySelf: true, Status: 3}, announced: Announced{Exit: true}},
		"announced end, did not":     {lines: []string{farewell}, announced: Announced{Exit: true}, fault: "did not"},
		"bad status":                 {lines: []string{farewell}, end: Ended{Status: 66}, fault: "exit status 66"},
		"signal":                     {end: Ended{Status: -1, Signal: "aborted"}, fault: "aborted"},
		"late":                       {end: Ended{Late: true}, fault: "in time"},
		"killed by the scenario":     {end: Ended{Status: -1, Signal: "killed"}, announced: Announced{Killed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			faults := strings.Join(Judge(lines(test.lines...), test.end, test.announced), "\n")
			if test.fault == "" {
				assert.Empty(t, faults)
			} else {
				assert.Contains(t, faults, test.fault)
			}
		})
	}
}

func TestReadLine(t *testing.T) {
	line := readLine(time.Time{}, stamp+"warning- main-serve - look out")
	assert.Equal(t, "warning", line.Level)
	assert.Equal(t, "main-serve - look out", line.Message())
	plain := readLine(time.Time{}, "usage: b2bua")
	assert.Empty(t, plain.Level)
	assert.Equal(t, "usage: b2bua", plain.Message())
}
