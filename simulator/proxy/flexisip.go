package proxy

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"b2bua/core/sip"
)

// defaultFallback is that of call-fork-current-branches-timeout.
const defaultFallback = 10 * time.Second

// read are the settings that matter here, by section. What other sections say is not of this proxy.
var read = map[string][]string{
	"global":            nil, // transports; the rest of it is about logs and processes
	"module::registrar": {"enabled", "reg-domains", "static-records-file", "max-contacts-by-aor"},
	"module::b2bua":     {"enabled", "enable", "filter", "b2bua-server"},
	"module::router":    {"enabled", "call-fork-current-branches-timeout"},
	"module::forward":   {"enabled", "routes-config-path"},
	"b2bua-server":      nil, // user-agent
}

// ReadFlexisip reads what of a flexisip.conf this proxy can do: global/transports, module::Registrar, module::B2bua, module::Router's
// fallback, module::Forward with its routes file, b2bua-server/user-agent. Warnings are settings of those modules that it does not have.
// hosts are the addresses of names in transports.
func ReadFlexisip(path string, hosts map[string]netip.Addr) (Config, []string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the file that the user names
	if err != nil {
		return Config{}, nil, fmt.Errorf("proxy: %w", err)
	}
	f := flexisip{path: path, hosts: hosts, values: map[string]string{}}
	f.parse(string(text))
	cfg, err := f.config()
	return cfg, f.warnings, err
}

// flexisip is a file while it is being understood.
type flexisip struct {
	path     string
	hosts    map[string]netip.Addr
	values   map[string]string // "section/key", in lower case
	warnings []string
}

// parse reads lines: [section], key=value, # comment (spec 1.1). What is nothing of it is ignored, as Flexisip does.
func (f *flexisip) parse(text string) {
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		key, value, pair := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			name, _, _ := strings.Cut(line[1:], "]")
			section = strings.ToLower(strings.TrimSpace(name))
		case pair:
			key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
			if keys := read[section]; keys != nil && !slices.Contains(keys, key) {
				f.warn("line %d: %s of [%s] is not simulated", i+1, key, section)
			}
			if value != "" {
				f.values[section+"/"+key] = value
			}
		}
	}
}

func (f *flexisip) warn(format string, args ...any) {
	f.warnings = append(f.warnings, f.path+": "+fmt.Sprintf(format, args...))
}

func (f *flexisip) fault(key string, err error) error {
	return fmt.Errorf("proxy: %s: %s=%s: %w", f.path, key, f.values[key], err)
}

func (f *flexisip) config() (Config, error) {
	agent := f.values["b2bua-server/user-agent"]
	if strings.Contains(agent, "{") { // a version that only the B2BUA knows: its header tells
		agent = ""
	}
	cfg := Config{
		Divert:   Divert{UserAgent: agent, Filter: f.values["module::b2bua/filter"]},
		Domains:  strings.Fields(f.values["module::registrar/reg-domains"]),
		Fallback: defaultFallback,
	}
	for _, step := range []func(*Config) error{f.transports, f.b2bua, f.router, f.forward, f.registrar} {
		if err := step(&cfg); err != nil {
			return Config{}, err
		}
	}
	return cfg, nil
}

// on reads a switch.
func (f *flexisip) on(key string, otherwise bool) (bool, error) {
	switch text := f.values[key]; text {
	case "":
		return otherwise, nil
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	default:
		return false, f.fault(key, fmt.Errorf("write true or false"))
	}
}

func (f *flexisip) transports(cfg *Config) error {
	const key = "global/transports"
	for _, text := range strings.Fields(f.values[key]) {
		u, err := sip.ParseURI(text)
		if err != nil {
			return f.fault(key, err)
		}
		host := u.Host
		if maddr, ok := u.Params.Get("maddr"); ok {
			host = maddr
		}
		addr, ok := f.hosts[strings.ToLower(host)]
		if literal, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
			addr, ok = literal, true
		}
		if !ok {
			return f.fault(key, fmt.Errorf("the address of %s is not known: name it as a host", host))
		}
		networks, port := []string{networkOf(u)}, cmp.Or(u.Port, 5060)
		switch {
		case networks[0] == "tls":
			port = cmp.Or(u.Port, 5061)
		case !u.Params.Has("transport"):
			networks = []string{"udp", "tcp"}
		}
		for _, n := range networks {
			cfg.Listen = append(cfg.Listen, n+":"+netip.AddrPortFrom(addr, uint16(port)).String())
		}
	}
	return nil
}

func (f *flexisip) b2bua(cfg *Config) error {
	const right, wrong = "module::b2bua/enabled", "module::b2bua/enable"
	if f.values[wrong] != "" {
		f.warn("enable=%s of [module::B2bua] is no key of Flexisip; it is taken for enabled=%[1]s here", f.values[wrong])
		f.values[right] = cmp.Or(f.values[right], f.values[wrong])
	}
	enabled, err := f.on(right, false)
	if enabled {
		cfg.Divert.URI = cmp.Or(f.values["module::b2bua/b2bua-server"], "sip:127.0.0.1:6067;transport=tcp")
	}
	return err
}

func (f *flexisip) router(cfg *Config) error {
	const key = "module::router/call-fork-current-branches-timeout"
	text := f.values[key]
	if text == "" {
		return nil
	}
	if seconds, err := strconv.Atoi(text); err == nil {
		cfg.Fallback = time.Duration(seconds) * time.Second
	} else if cfg.Fallback, err = time.ParseDuration(text); err != nil {
		return f.fault(key, fmt.Errorf("write seconds"))
	}
	if cfg.Fallback <= 0 {
		cfg.Fallback = -1
	}
	return nil
}

func (f *flexisip) forward(cfg *Config) error {
	const key = "module::forward/routes-config-path"
	enabled, err := f.on("module::forward/enabled", true)
	if err != nil || !enabled || f.values[key] == "" {
		return err
	}
	text, err := f.beside(key)
	if err == nil {
		cfg.Routes, err = ParseRoutes(text)
	}
	return err
}

func (f *flexisip) registrar(cfg *Config) error {
	if text := f.values["module::registrar/max-contacts-by-aor"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return f.fault("module::registrar/max-contacts-by-aor", fmt.Errorf("write a number from 1"))
		}
		cfg.MaxContacts = n
	}
	const key = "module::registrar/static-records-file"
	if f.values[key] == "" {
		return nil
	}
	text, err := f.beside(key)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		aor, contacts, _ := strings.Cut(line, " ")
		cfg.Static = append(cfg.Static, Static{AOR: strings.Trim(aor, "<>"), Contacts: strings.TrimSpace(contacts)})
	}
	return nil
}

// beside reads a file whose relative path starts at the directory of the flexisip.conf.
func (f *flexisip) beside(key string) (string, error) {
	path := f.values[key]
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(f.path), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", f.fault(key, err)
	}
	return string(text), nil
}

// ParseRoutes reads a routes file of module::Forward: lines of an address and a condition, * for none. # begins a comment, and a line
// that begins with a blank continues the one before it.
func ParseRoutes(text string) ([]Route, error) {
	var out []Route
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			continue
		case line[0] == ' ' || line[0] == '\t':
			if len(out) == 0 {
				return nil, fmt.Errorf("proxy: routes, line %d continues nothing: write <sip:ADDRESS> CONDITION, from the first column on", i+1)
			}
			out[len(out)-1].When += " " + trimmed
			continue
		}
		end := strings.IndexByte(trimmed, '>')
		if trimmed[0] != '<' || end < 0 {
			return nil, fmt.Errorf("proxy: routes, line %d: write <sip:ADDRESS> CONDITION", i+1)
		}
		out = append(out, Route{To: trimmed[:end+1], When: strings.TrimSpace(trimmed[end+1:])})
	}
	for i := range out {
		switch out[i].When {
		case "":
			return nil, fmt.Errorf("proxy: route %s has no condition: write * if it is for all requests", out[i].To)
		case "*":
			out[i].When = ""
		}
	}
	_, err := newRoutes(out)
	return out, err
}
