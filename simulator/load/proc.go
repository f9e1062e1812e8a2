//go:build linux

package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// clockTick is USER_HZ, which is 100 on every Linux that Go runs on.
const clockTick = 100.0

// statFields are those after the command name of /proc/PID/stat, which may hold anything.
func statFields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	s := string(b)
	return strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
}

// cpuOf sums user and system time of processes, all their threads included, in seconds.
func cpuOf(pids []int) (user, system float64) {
	for _, p := range pids {
		if f := statFields(p); len(f) > 12 {
			user += number(f[11]) / clockTick
			system += number(f[12]) / clockTick
		}
	}
	return user, system
}

// memoryOf sums the resident memory in kB.
func memoryOf(pids []int) (kb int) {
	for _, p := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
				kb += int(number(f[1]))
			}
		}
	}
	return kb
}

// family adds all descendants.
func family(pids []int) []int {
	children := map[int][]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		pid := int(number(filepath.Base(filepath.Dir(f))))
		if s := statFields(pid); len(s) > 1 {
			parent := int(number(s[1]))
			children[parent] = append(children[parent], pid)
		}
	}
	seen := map[int]bool{}
	var out []int
	for queue := append([]int(nil), pids...); len(queue) > 0; queue = queue[1:] {
		if p := queue[0]; !seen[p] {
			seen[p] = true
			out = append(out, p)
			queue = append(queue, children[p]...)
		}
	}
	return out
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}

// busy is the busy time in seconds of "cpu" (all) or "cpuN" since boot.
func busy(name string) float64 {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 9 || f[0] != name {
			continue
		}
		sum := 0.0
		for i, v := range f[1:9] { // guest times are in user time already
			if i != 3 && i != 4 { // idle, iowait
				sum += number(v)
			}
		}
		return sum / clockTick
	}
	return 0
}

// drops are the datagrams lost at full receive buffers: by local port, and of the whole network namespace.
func drops() (byPort map[int]uint64, all uint64) {
	byPort = map[int]uint64{}
	b, err := os.ReadFile("/proc/self/net/udp")
	if err != nil {
		return byPort, 0
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 13 || f[0] == "sl" {
			continue
		}
		_, hex, _ := strings.Cut(f[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			byPort[int(port)] += uint64(number(f[12]))
		}
	}
	return byPort, receiveErrors()
}

// receiveErrors is the RcvbufErrors counter of /proc/net/snmp.
func receiveErrors() uint64 {
	b, err := os.ReadFile("/proc/self/net/snmp")
	if err != nil {
		return 0
	}
	var names []string
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i, n := range names {
			if n == "RcvbufErrors" && i < len(f) {
				return uint64(number(f[i]))
			}
		}
	}
	return 0
}
