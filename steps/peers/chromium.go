package peers

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

//go:embed page
var page embed.FS

// Browser is a running Chromium without a window. It has one page, whose phones do what Do tells them.
type Browser struct {
	*program
	dir    string
	server *http.Server
	next   chan command

	mu      sync.Mutex
	number  int
	waiting map[int]chan outcome
}

// command for a phone of the page, and its outcome.
type command struct {
	ID    int    `json:"id"`
	Phone string `json:"phone"`
	Verb  string `json:"verb"`
	Args  []any  `json:"args"`
}

type outcome struct {
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

// chromiumFlags: no window, no account, nothing fetched, a camera that is a moving picture, and candidates with addresses of loopback in
// the place of names of multicast DNS.
var chromiumFlags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--no-default-browser-check",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-breakpad", "--no-proxy-server",
	"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
	"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
	"--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter,OptimizationHints,Translate",
}

// StartBrowser starts one with an empty profile. Its page comes for commands as soon as it is there.
func StartBrowser() (*Browser, error) {
	dir, err := os.MkdirTemp("", "b2bua-chromium-")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	b := &Browser{dir: dir, next: make(chan command), waiting: map[int]chan outcome{}}
	b.server = &http.Server{Handler: b.handler(), ReadHeaderTimeout: time.Minute}
	go b.server.Serve(listener) //nolint:errcheck // it ends by Close
	arguments := append([]string{"--user-data-dir=" + filepath.Join(dir, "profile")}, chromiumFlags...)
	arguments = append(arguments, "http://"+listener.Addr().String()+"/")
	if b.program, err = startProgram("chromium", dir, []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_CACHE_HOME=" + dir}, "chromium", arguments...); err != nil {
		return nil, errors.Join(err, b.server.Close(), os.RemoveAll(dir))
	}
	return b, nil
}

// handler serves the page and what it fetches: the next command, and where results go.
func (b *Browser) handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case c := <-b.next:
			_ = json.NewEncoder(w).Encode(c) // a page that is gone answers nothing
		case <-r.Context().Done():
		case <-time.After(20 * time.Second):
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		var o outcome
		if json.NewDecoder(r.Body).Decode(&o) != nil {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if done := b.waiting[o.ID]; done != nil {
			done <- o
			delete(b.waiting, o.ID)
		}
	})
	return mux
}

// Do lets a phone of the page do something, waits for the result and reads it into what into points to, if that is not nil.
func (b *Browser) Do(ctx context.Context, phone string, into any, verb string, args ...any) error {
	done := make(chan outcome, 1)
	b.mu.Lock()
	b.number++
	c := command{ID: b.number, Phone: phone, Verb: verb, Args: args}
	b.waiting[c.ID] = done
	b.mu.Unlock()
	fault := func(what string) error {
		text, _ := b.output()
		return fmt.Errorf("chromium: phone %s, %s: %s; it printed:\n%s", phone, verb, what, tail(text))
	}
	select {
	case b.next <- c:
	case <-b.exited:
		return fault("the browser has ended")
	case <-ctx.Done():
		return fault("the page did not come for it")
	}
	select {
	case o := <-done:
		if o.Error != "" {
			return fmt.Errorf("chromium: phone %s, %s: %s", phone, verb, o.Error)
		}
		if into == nil {
			return nil
		}
		return json.NewDecoder(bytes.NewReader(o.Value)).Decode(into)
	case <-b.exited:
		return fault("the browser has ended")
	case <-ctx.Done():
		return fault("it did not happen in time")
	}
}

// Stop ends the browser with all of its processes, and forgets its profile.
func (b *Browser) Stop() error {
	b.kill()
	return errors.Join(b.server.Close(), os.RemoveAll(b.dir))
}

// shared is the browser of all tests: a phone is an object of its page, so one is enough.
var shared struct {
	sync.Mutex
	browser *Browser
}

func sharedBrowser() (*Browser, error) {
	shared.Lock()
	defer shared.Unlock()
	var err error
	if shared.browser == nil {
		shared.browser, err = StartBrowser()
	}
	return shared.browser, err
}

// stopBrowser stops the shared one, if it runs.
func stopBrowser() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.browser == nil {
		return nil
	}
	return shared.browser.Stop()
}
