package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"b2bua/core/config"
	"b2bua/core/event/log"
	"b2bua/core/server"
	"b2bua/core/transport"
)

// serve runs the server until a signal or the end of ctx stops it.
func (f *flags) serve(ctx context.Context, cfg *config.Config, report *config.Report, hosts map[string]netip.Addr, stdout io.Writer) error {
	logger, problem := log.Open(f.logOptions(cfg, stdout))
	defer func() { _ = logger.Close() }() // every line has been written
	lines := slog.New(logger.Handler())
	slog.SetDefault(lines) // libraries that log by themselves keep to the format
	logger.Banner(time.Now(), config.Version)
	if problem != nil {
		for text := range strings.SplitSeq(problem.Error(), "\n") {
			lines.Warn(text)
		}
	}
	logReport(lines, report)

	remove, err := f.writePID()
	if err != nil {
		return err
	}
	defer remove()
	prepareData(lines, cfg.B2BUA.DataDirectory)
	if cfg.Global.DumpCorefiles {
		allowCore(lines)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer onHangup(lines, logger)()
	systemd := newManager()
	wait := periodic(ctx, lines, cfg.Global, systemd)
	defer wait()
	defer stop() // before wait: it ends ctx

	err = server.Run(ctx, cfg, server.Options{Log: lines, Hosts: hosts, Ready: func(at []transport.Listener) {
		lines.Info(listening(at))
		systemd.tell(lines, "READY=1")
	}})
	switch {
	case errors.Is(err, server.ErrSlowStop):
		lines.Error(err.Error())
	case err != nil:
		lines.Error(fmt.Sprintf("Error, caught an unexpected exception: %v", err))
	}
	return err
}

func (f *flags) logOptions(cfg *config.Config, stdout io.Writer) log.Options {
	opt := log.Options{
		Terminal: stdout, TerminalLevel: log.ParseLevel(string(cfg.Global.LogLevel)),
		Directory: cfg.Global.LogDirectory, Filename: cfg.Global.LogFilename, FileLevel: log.ParseLevel(string(cfg.Global.LogLevel)),
		Syslog: f.Syslog, SyslogLevel: log.ParseLevel(string(cfg.Global.SyslogLevel)), SyslogTag: "flexisip-b2bua",
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

// writePID writes the number without a line end, as the original's tools expect, and returns what removes the file.
func (f *flags) writePID() (func(), error) {
	if f.Pidfile == "" {
		return func() {}, nil
	}
	if err := os.WriteFile(f.Pidfile, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return nil, fmt.Errorf("the pid file cannot be written: %w; make its directory or leave --pidfile out", err)
	}
	return func() { _ = os.Remove(f.Pidfile) }, nil
}

// onHangup opens the log file anew on each SIGHUP until the returned function is called.
func onHangup(lines *slog.Logger, logger *log.Logger) (stop func()) {
	signals, quit, done := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-signals:
				if err := logger.Reopen(); err != nil {
					lines.Error(fmt.Sprintf("the log file could not be opened anew, lines go on into the old one: %v", err))
					continue
				}
				lines.Info("the log file has been opened anew")
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(quit)
		<-done
	}
}
