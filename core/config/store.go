package config

import (
	"errors"
	"fmt"
	"slices"

	"b2bua/core/app/trenscrypter"
)

// storeTransport reads a list of URIs; each that is wrong is reported by itself.
func storeTransport(c *Config, v value) error {
	var list []Listen
	for _, uri := range tokens(v.text) {
		l, err := parseListen(uri)
		same := func(o Listen) bool {
			return o.Network == l.Network && o.Host == l.Host && o.Port == l.Port && l.Port != 0
		}
		if err == nil && slices.ContainsFunc(list, same) {
			err = refuse("each address once", "the address is listed twice")
		}
		var refused *valueError
		if errors.As(err, &refused) {
			v.add(Finding{
				Severity: Fault, Value: uri, Fix: refused.fix,
				Problem: fmt.Sprintf("invalid value for parameter '%s/transport' (%s): %s", sectionB2BUA, uri, refused.reason),
			})
			continue
		}
		list = append(list, l)
	}
	c.B2BUA.Transport = list
	return nil
}

// storeEncryption, storeSuites and storeWebRTC need the timers, which are stored before.
func storeEncryption(c *Config, v value) error {
	rules, problems := trenscrypter.ParseEncryptionRules(tokens(v.text), c.Timers.RegexTimeout)
	c.Trenscrypter.Encryption = rules
	v.problems(problems, "pair")
	return nil
}

func storeSuites(c *Config, v value) error {
	rules, problems := trenscrypter.ParseSuiteRules(tokens(v.text), c.Timers.RegexTimeout)
	c.Trenscrypter.Suites = rules
	v.problems(problems, "pair")
	return nil
}

func storeWebRTC(c *Config, v value) error {
	rules, problems := trenscrypter.ParseWebRTCRules(tokens(v.text), c.Timers.RegexTimeout)
	c.Trenscrypter.WebRTC = rules
	v.problems(problems, "regex")
	return nil
}

func (v value) problems(list []trenscrypter.Problem, item string) {
	for _, p := range list {
		f := Finding{Severity: Warning, Value: p.Token, Pair: p.Pair, Item: item, Problem: p.Reason, Fix: p.Fix}
		if p.Skipped {
			f.Severity = Skipped
		}
		v.add(f)
	}
}
