package steps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/cucumber/godog"
)

// bridgeSteps: calls that leave for another domain through accounts.
func (w *World) bridgeSteps(sc *godog.ScenarioContext) {
	sc.Step(`^b2bua bridges calls of (\w+) to (\w+) by the providers$`, func(caller, trunk string, file *godog.DocString) error {
		return w.bridges(caller, trunk, file.Content)
	})
	sc.Step(`^the account of (\w+) at (\w+) is (available|not there|not registered|busy), it is chosen by (FindInPool|Random), and onAccountNotFound is (nextProvider|decline)$`, w.accountIs)
	sc.Step(`^(\w+)'s call (?:is|stays) declined$`, w.isDeclined)
	sc.Step(`^(\w+)'s call goes out by the (first|second) provider$`, w.goesOutBy)
}

// bridges starts b2bua with a providers file between a caller and the other domain's proxy.
func (w *World) bridges(caller, trunk, providers string) error {
	if err := w.between(caller, trunk, "udp"); err != nil {
		return err
	}
	text, err := w.expand(providers)
	if err != nil {
		return err
	}
	w.files["providers.json"] = text
	if err := os.WriteFile(filepath.Join(w.dir, "providers.json"), []byte(text), 0o600); err != nil {
		return err
	}
	err = errors.Join(
		w.settings.set("b2bua-server/application", "sip-bridge"),
		w.settings.set("b2bua-server::sip-bridge/providers", "providers.json"),
	)
	if err != nil {
		return err
	}
	return w.start()
}

// twoProviders: the first one has an account for the caller, in whatever state; the second takes every call.
const twoProviders = `{"schemaVersion": 2, "providers": [
  {"name": "first provider", "accountPool": %q, "triggerCondition": {"strategy": "Always"}, "accountToUse": %s, "onAccountNotFound": %q,
   "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}"}},
  {"name": "second provider", "accountPool": "second", "triggerCondition": {"strategy": "Always"}, "accountToUse": {"strategy": "Random"},
   "onAccountNotFound": "decline", "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}"}}],
 "accountPools": {
  "available":      {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [{"uri": "sip:first@trunk.example.org", "alias": %[4]q}]},
  "not registered": {"registrationRequired": true,  "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [{"uri": "sip:first@trunk.example.org", "alias": %[4]q}]},
  "elsewhere":      {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [{"uri": "sip:other@trunk.example.org", "alias": "sip:other@sip.example.org"}]},
  "empty":          {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": []},
  "second":         {"registrationRequired": false, "maxCallsPerLine": 9, "outboundProxy": "<sip:{{trunk}}>", "loader": [{"uri": "sip:second@trunk.example.org"}]}}}`

// accountIs starts b2bua with two providers, and makes the account of the first one what is asked for.
func (w *World) accountIs(caller, trunk, state, strategy, onNotFound string) error {
	pool := map[string]string{"available": "available", "busy": "available", "not registered": "not registered", "not there": "elsewhere"}[state]
	choice := `{"strategy": "FindInPool", "by": "alias", "source": "{from}"}`
	if strategy == "Random" {
		choice = `{"strategy": "Random"}`
		if state == "not there" { // any account would do
			pool = "empty"
		}
	}
	if err := w.bridges(caller, trunk, fmt.Sprintf(twoProviders, pool, choice, onNotFound, "sip:"+caller+"@"+domain)); err != nil || state != "busy" {
		return err
	}
	return errors.Join(w.invites(caller, "somebody"), w.isInvited(trunk), w.answersWithSDP(trunk, 200), w.callIsUp(caller, trunk))
}

func (w *World) isDeclined(caller string) error { return w.fails(caller, 488, "", nil) }

var accountOf = map[string]string{"first": "sip:first@trunk.example.org", "second": "sip:second@trunk.example.org"}

func (w *World) goesOutBy(_, provider string) error {
	if err := w.isInvited("trunk"); err != nil {
		return err
	}
	call, err := w.call("trunk")
	if err != nil {
		return err
	}
	return fits(call.Invite.Values("From"), "/<"+regexp.QuoteMeta(accountOf[provider])+">;tag=.+/")
}
