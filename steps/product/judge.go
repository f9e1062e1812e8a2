package product

import (
	"fmt"
	"regexp"
	"strings"
)

// Announced is what a scenario said it expects of the process beyond an uneventful life.
type Announced struct {
	Errors []*regexp.Regexp // error lines that must appear; any other error line is a fault
	Exit   bool             // the process ends by itself
	Left   bool             // calls may be up when the process is told to stop
	Killed bool             // the scenario itself killed it: no farewell line
}

// Ended is how a process ended.
type Ended struct {
	BySelf bool // before it was told to stop
	Status int
	Signal string // non-empty: it was ended by this signal
	Late   bool   // it did not stop within the deadline and was killed
}

// stopped is the farewell line: what was still there at the end, by kind. calls, streams and flows are among the kinds.
var (
	stopped = regexp.MustCompile(`stopped:((?: \w+=\d+)+)`)
	kinds   = regexp.MustCompile(` (\w+)=(\d+)`)
)

// Judge lists every fault in the life of a process that the scenario did not announce. No fault: an empty list.
func Judge(lines []Line, end Ended, a Announced) []string {
	faults := judgeLines(lines, a)
	faults = append(faults, judgeEnd(end, a)...)
	if !end.BySelf && !end.Late && !a.Killed && end.Signal == "" {
		faults = append(faults, judgeFarewell(lines, a)...)
	}
	return faults
}

func judgeLines(lines []Line, a Announced) []string {
	var faults []string
	seen := make([]bool, len(a.Errors))
	for i, line := range lines {
		if line.isCrash() {
			faults = append(faults, "crash or data race: "+line.Text+stack(lines, i))
			continue
		}
		if line.isCaughtPanic() {
			faults = append(faults, "panic caught: "+line.Text)
			continue
		}
		if !line.isError() {
			continue
		}
		announced := false
		for j, want := range a.Errors {
			if want.MatchString(line.Text) {
				seen[j], announced = true, true
			}
		}
		if !announced {
			faults = append(faults, "error line that the scenario did not announce: "+line.Text)
		}
	}
	for j, want := range a.Errors {
		if !seen[j] {
			faults = append(faults, fmt.Sprintf("the announced error line did not appear: %s", want))
		}
	}
	return faults
}

// stack is the start of a stack dump, enough to know where to look; the whole is in the log.
func stack(lines []Line, i int) string {
	var b strings.Builder
	for _, line := range lines[i+1 : min(i+12, len(lines))] {
		b.WriteString("\n      " + line.Text)
	}
	return b.String()
}

func judgeEnd(end Ended, a Announced) []string {
	switch {
	case end.Late:
		return []string{"the process did not stop in time after SIGTERM and was killed"}
	case a.Killed:
		return nil
	case end.BySelf && !a.Exit:
		return []string{fmt.Sprintf("the process ended by itself with status %d %s", end.Status, end.Signal)}
	case a.Exit && !end.BySelf:
		return []string{"the process was announced to end by itself and did not"}
	case !end.BySelf && (end.Status != 0 || end.Signal != ""):
		return []string{fmt.Sprintf("exit status %d %s after SIGTERM instead of 0", end.Status, end.Signal)}
	}
	return nil
}

func judgeFarewell(lines []Line, a Announced) []string {
	for i := len(lines) - 1; i >= 0; i-- {
		m := stopped.FindStringSubmatch(lines[i].Text)
		if m == nil {
			continue
		}
		counted := map[string]string{}
		for _, kind := range kinds.FindAllStringSubmatch(m[1], -1) {
			counted[kind[1]] = kind[2]
			if kind[2] != "0" && !a.Left {
				return []string{"something was left over at the end: " + m[0]}
			}
		}
		for _, kind := range []string{"calls", "streams", "flows"} {
			if counted[kind] == "" {
				return []string{"the farewell line does not count " + kind + ": " + m[0]}
			}
		}
		return nil
	}
	return []string{"no farewell line (`stopped: calls=0 streams=0 flows=0`) although the process was told to stop"}
}
