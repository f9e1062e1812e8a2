package control

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Account is what SIP_BRIDGE INFO shows of an account.
type Account struct {
	Address         string
	Status          string // "OK" or why not (spec 4.12)
	FreeSlots       int
	RegisterEnabled bool
}

// Provider is what SIP_BRIDGE INFO shows of a provider.
type Provider struct {
	Name     string
	Accounts []Account
}

// Bridge answers SIP_BRIDGE.
type Bridge struct {
	// Providers is a copy of the present state, in the order of the providers file. It is called aside and takes from the loop what it
	// needs, some accounts at a time.
	Providers func() []Provider
}

const bridgeUsage = "Valid subcommands for SIP_BRIDGE:\n  INFO  displays information on the current state of the bridge."

// Handle implements Handler.
func (b *Bridge) Handle(command string, args []string) Answer {
	switch {
	case command != "SIP_BRIDGE":
		return nil
	case len(args) == 0 || args[0] != "INFO":
		return Text(bridgeUsage)
	}
	return func() string { return Info(b.Providers()) }
}

// Info is the text of SIP_BRIDGE INFO, octet for octet as the original prints it (spec 4.12): tabs, names in alphabetical order,
// " : " between name and value, and a value that is a list or object on the lines after a blank that ends the line.
func Info(providers []Provider) string {
	var w strings.Builder
	w.WriteString("{\n\t\"providers\" : ")
	if len(providers) == 0 {
		w.WriteString("null\n}")
		return w.String()
	}
	w.WriteString("\n\t[")
	for i, p := range providers {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString("\n\t\t{\n\t\t\t\"accounts\" : ")
		writeAccounts(&w, p.Accounts)
		w.WriteString(",\n\t\t\t\"name\" : " + quoted(p.Name) + "\n\t\t}")
	}
	w.WriteString("\n\t]\n}")
	return w.String()
}

func writeAccounts(w *strings.Builder, accounts []Account) {
	if len(accounts) == 0 {
		w.WriteString("null")
		return
	}
	w.WriteString("\n\t\t\t[")
	for i, a := range accounts {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString("\n\t\t\t\t{\n\t\t\t\t\t\"address\" : " + quoted(a.Address))
		if a.Status == "OK" {
			w.WriteString(",\n\t\t\t\t\t\"freeSlots\" : " + strconv.Itoa(a.FreeSlots))
			w.WriteString(",\n\t\t\t\t\t\"registerEnabled\" : " + strconv.FormatBool(a.RegisterEnabled))
		}
		w.WriteString(",\n\t\t\t\t\t\"status\" : " + quoted(a.Status) + "\n\t\t\t\t}")
	}
	w.WriteString("\n\t\t\t]")
}

// quoted is a JSON string; the original escapes no more than it must.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
