package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// placeholder is {{name}}; single braces mean something in user-agent values and regular expressions.
var placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// expand replaces every placeholder. This is the only place that does: tables, doc strings and quoted values all come here.
//
//	{{b2bua}} {{alice}}        address and port
//	{{b2bua.ip}} {{alice.ip}}  address alone
//	{{version}}                version of the build under test
//	{{dir}}                    directory of the scenario's world
//	{{port}}                   a port of [::1] that is free
//	{{1300 letters}}           a word that makes a request too large for UDP
//	{{alice.call-id}}          Call-ID of alice's call
//	{{alice.tag}}              her own tag in it
//	{{alice.peer-tag}}         b2bua's tag in it
//	{{space}}                  one blank, where an editor would remove it
func (w *World) expand(text string) (string, error) {
	var unknown error
	out := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := strings.TrimSpace(match[2 : len(match)-2])
		value, ok := w.places()[name]
		if !ok {
			unknown = fmt.Errorf("unknown placeholder %s; there are: %s", match, strings.Join(w.placeNames(), ", "))
		}
		return value
	})
	return out, unknown
}

func (w *World) places() map[string]string {
	places := map[string]string{"dir": w.dir, "space": " ", "1300 letters": strings.Repeat("a", 1300), "port": w.port, "b2bua": w.b2bua.String(), "b2bua.ip": w.b2bua.Addr().String()}
	if w.binary != nil {
		places["version"] = w.binary.Version
	}
	for name, phone := range w.phones {
		places[name], places[name+".ip"] = phone.Addr().String(), phone.Addr().Addr().String()
	}
	for name, call := range w.calls {
		places[name+".call-id"] = call.ID
		places[name+".tag"], places[name+".peer-tag"] = call.Tags()
	}
	if w.process != nil {
		places["pid"] = strconv.Itoa(w.process.PID())
	}
	for name, call := range w.media {
		places[name+".sas"] = call.Summary().SAS()
	}
	for name, value := range w.named {
		places[name] = value
	}
	return places
}

func (w *World) placeNames() []string {
	var names []string
	for name := range w.places() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
