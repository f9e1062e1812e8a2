package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"b2bua/core/config"
	"b2bua/core/control"
	"b2bua/core/event/log"
	"b2bua/core/server"
	"b2bua/core/transport"
)

// serve runs the server until a signal or the end of ctx stops it.
func (f *flags) serve(ctx context.Context, sig *signals, cfg *config.Config, report *config.Report, hosts map[string]netip.Addr, stdout, stderr io.Writer) error {
	orders, cancel, obeyed := sig.obey(ctx)
	defer obeyed()
	logger, problem := log.Open(f.logOptions(cfg, stdout, stderr))
	defer func() { _ = logger.Close() }() // a sink that hangs has nobody left to tell
	lines := slog.New(logger.Handler())
	slog.SetDefault(lines) // libraries that log by themselves keep to the format
	logger.Banner(time.Now(), config.Version)
	if problem != nil {
		for text := range strings.SplitSeq(problem.Error(), "\n") {
			lines.Warn(text)
		}
	}
	logReport(lines, report)
	defer sig.onHangup(func() {
		if logger.Reopen() == nil { // it tells its failure itself
			lines.Info("the log file has been opened anew")
		}
	})()
	err := f.run(orders, cancel, cfg, server.Options{
		Log: lines, Hosts: hosts, Hurry: orders.hurry, Control: control.Path(os.Getpid()), Settings: report.Settings(),
		SetLevel: func(key, level string) error {
			if key == "syslog-level" {
				logger.SetSyslogLevel(log.ParseLevel(level))
			} else {
				logger.SetLevel(log.ParseLevel(level))
			}
			return nil
		},
	})
	if err == nil {
		return nil
	}
	if unusable := (*server.ConfigError)(nil); errors.As(err, &unusable) {
		unusable.Findings = report.Placed(unusable.Findings)
		for _, fault := range unusable.Findings {
			lines.Error(fault.String(), log.ContextKey, "configuration")
		}
	} else {
		lines.Error(withRemedyFor(err))
	}
	if !f.DisableStdout && sameReader(stdout, stderr) {
		return toldError{err}
	}
	return err
}

// run does what is left between open logs and their end.
func (f *flags) run(orders orders, cancel context.CancelFunc, cfg *config.Config, opt server.Options) error {
	lines := opt.Log
	pid := pidFile(f.Pidfile)
	if err := pid.possible(); err != nil {
		return err
	}
	opt.Dataless = !prepareData(lines, cfg.B2BUA.DataDirectory)
	raiseFiles(lines, cfg.B2BUA.MaxCalls)
	if cfg.Global.DumpCorefiles {
		allowCore(lines)
	}
	systemd := newManager()
	defer periodic(orders, lines, cfg.Global, systemd)()
	defer cancel() // before the wait for what is periodic: it ends the context

	var unwritten error
	opt.Ready = func(at []transport.Listener) {
		if unwritten = pid.write(); unwritten != nil {
			cancel() // nobody could find us by it
			return
		}
		lines.Info(listening(at))
		systemd.tell(lines, "READY=1")
	}
	err := server.Run(orders, cfg, opt)
	if unwritten != nil {
		return unwritten
	}
	pid.remove()
	return err
}

// withRemedyFor is the last line of the log of a process that failed.
func withRemedyFor(err error) string {
	if errors.Is(err, server.ErrSlowStop) {
		return err.Error()
	}
	return "Error, caught an unexpected exception: " + withRemedy(err)
}

func (f *flags) logOptions(cfg *config.Config, stdout, stderr io.Writer) log.Options {
	opt := log.Options{
		Terminal: stdout, TerminalLevel: log.ParseLevel(string(cfg.Global.LogLevel)), Faults: stderr,
		Directory: cfg.Global.LogDirectory, Filename: cfg.Global.LogFilename, FileLevel: log.ParseLevel(string(cfg.Global.LogLevel)),
		Syslog: f.Syslog, SyslogLevel: log.ParseLevel(string(cfg.Global.SyslogLevel)), SyslogTag: "flexisip-b2bua",
	}
	if opt.Directory == os.DevNull {
		opt.Directory = ""
	}
	if f.Debug {
		opt.TerminalLevel = log.Debug
	}
	if f.DisableStdout {
		opt.Terminal = nil
	}
	return opt
}

// logReport leaves one line for each thing that was skipped or looked odd.
func logReport(lines *slog.Logger, report *config.Report) {
	for _, finding := range report.Findings {
		level := log.Warning
		if finding.Severity == config.Skipped {
			level = log.Error
		}
		lines.Log(context.Background(), level, finding.String(), log.ContextKey, "configuration")
	}
}

func listening(at []transport.Listener) string {
	if len(at) == 0 {
		return "ready; listening nowhere (b2bua-server/transport is empty), outgoing connections only"
	}
	var list []string
	for _, l := range at {
		list = append(list, fmt.Sprintf("%s %s", l.Network, l.Addr))
	}
	return "ready; listening on " + strings.Join(list, ", ")
}
