package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// signals are the process's, taken before anything else: one that comes early is kept until somebody acts on it.
type signals struct {
	stop, hangup chan os.Signal
}

func takeSignals() *signals {
	s := &signals{make(chan os.Signal, 8), make(chan os.Signal, 1)}
	signal.Notify(s.stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(s.hangup, syscall.SIGHUP)
	return s
}

// giveBack lets signals do what they do to any program: a command that only prints is ended by ^C and by a pager that quits.
func (s *signals) giveBack() {
	s.release()
	select {
	case early := <-s.stop:
		endBy(early) // nobody takes it now
	default:
	}
}

// release ends it all; what comes from now on does what it does to any program.
func (s *signals) release() {
	signal.Stop(s.stop)
	signal.Stop(s.hangup)
}

// ignorePipe makes writing to a reader that is gone an error like others (spec 1.13).
func ignorePipe() { signal.Ignore(syscall.SIGPIPE) }

// orders are what the signals to stop ask for, one after the other.
type orders struct {
	context.Context               // ends with the first
	hurry           chan struct{} // closed at the second
}

// obey turns signals into orders until the returned function is called. A third signal ends the process there and then, for
// the case that something hangs that must not.
func (s *signals) obey(parent context.Context) (o orders, cancel context.CancelFunc, end func()) {
	ctx, cancel := context.WithCancel(parent)
	o = orders{ctx, make(chan struct{})}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-quit:
				return
			case <-s.stop:
			}
			switch n {
			case 1:
				cancel()
			case 2:
				close(o.hurry)
			default:
				os.Exit(exitFailure)
			}
		}
	}()
	var once sync.Once
	return o, cancel, func() {
		once.Do(func() {
			cancel()
			close(quit)
			<-done
		})
	}
}

// interrupt does what must end before signals are obeyed. The first one abandons it, and the command has nothing more to do.
func (s *signals) interrupt(what func() error) error {
	done := make(chan error, 1)
	go func() { done <- what() }()
	select {
	case err := <-done:
		return err
	case <-s.stop:
		return errDone
	}
}

// onHangup calls what for each SIGHUP until the returned function is called. That one does not wait for a file system that hangs.
func (s *signals) onHangup(what func()) (end func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-s.hangup:
				what()
			}
		}
	}()
	return func() {
		close(quit)
		within(time.Second, done)
	}
}

// within waits for done, but not longer than patience.
func within(patience time.Duration, done <-chan struct{}) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
