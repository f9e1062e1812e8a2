package main

import (
	"fmt"
	"log/slog"
)

// Descriptors that calls take: a stream has RTP and RTCP sockets on both legs, a call has one or two streams.
const (
	perStream   = 4
	perVideo    = 2 * perStream
	descriptors = 100 // connections, logs and what the runtime needs
)

// raiseFiles raises the limit of open files as far as the system lets us, and warns when it is too low for max-calls.
func raiseFiles(lines *slog.Logger, maxCalls int) {
	limit, err := mostFiles()
	if err != nil {
		lines.Warn(fmt.Sprintf("the limit of open files is not known or cannot be raised: %v", err))
		return
	}
	if text := tooFewFiles(limit, maxCalls); text != "" {
		lines.Warn(text)
	}
}

// tooFewFiles says what a limit of open files does to max-calls; empty: nothing.
func tooFewFiles(limit uint64, maxCalls int) string {
	need := uint64(maxCalls)*perVideo + descriptors
	if limit >= need {
		return ""
	}
	room := max(limit, descriptors) - descriptors
	return fmt.Sprintf("at most %d files may be open (RLIMIT_NOFILE), which is enough for %d audio calls or %d calls with video, and b2bua-server/max-calls is %d: "+
		"set LimitNOFILE=%d in the systemd unit or ulimit -n %d in the shell, or lower max-calls", limit, room/perStream, room/perVideo, maxCalls, need, need)
}
