package server

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"b2bua/core/config"
	"b2bua/core/control"
)

// openControl opens the socket for `b2bua ctl` and flexisip_cli.py. Without it the server works as well.
func (s *server) openControl(cfg *config.Config, opt Options) {
	if opt.Control == "" {
		return
	}
	started := time.Now()
	s.commands.Register(&control.Own{
		Calls: &s.calls,
		Status: func() control.Status {
			st := control.Status{
				Version: config.Version, Application: cfg.B2BUA.Application, PID: os.Getpid(), Started: started, StopsBy: s.stopsBy,
				Calls: s.engine.Active(), Streams: len(s.streams), Connections: s.stack.Flows(), Transactions: s.stack.Transactions(), Goroutines: runtime.NumGoroutine(),
				Listening: []string{}, Accounts: s.lines.counts(), Silent: s.lines.silent(), Pools: s.stores.shown(), Feed: s.stores.feedShown(),
			}
			for _, l := range s.stack.Listening() {
				st.Listening = append(st.Listening, fmt.Sprintf("%s:%s", l.Network, l.Addr))
			}
			return st
		},
		Retry:    s.lines.retry,
		Compare:  s.compareSAS,
		Accounts: s.standings(),
	})
	if s.bridge != nil {
		s.commands.Register(&control.Bridge{Providers: s.providers})
	}
	if opt.Settings != nil {
		s.commands.Register(&control.Settings{Config: opt.Settings, SetLevel: opt.SetLevel, Changed: func(path, value string) {
			s.log.Info(fmt.Sprintf("%s was set to %s by the control socket; a restart takes the value of the file again", path, value))
		}})
	}
	var err error
	s.control, err = control.Open(control.Config{
		Path: opt.Control, Handle: s.commands.Handle, Log: s.log,
		Do: func(f func()) error { return s.stack.Do(func(time.Time) { f() }) },
	})
	if err != nil {
		s.log.Warn(err.Error())
		return
	}
	s.log.Info("CLI socket is at " + opt.Control)
}

// closeControl ends it; s.control is nil when it never was.
func (s *server) closeControl() {
	if s.control != nil {
		s.control.Close()
	}
}
