package config

import "slices"

// idle is a setting that Flexisip's file may hold and that changes nothing in this version. A version that gives it a meaning
// deletes its row; the warning and the note in the default file go with it.
type idle struct {
	section, key string   // key "": every key of the section
	why          string   // what is not done
	rest         []string // values that ask for nothing, so that nothing is missed
}

var idles = []idle{
	{sectionRegistrar, "", "Redis is not asked, as accounts come from the providers file alone", nil},
}

// idleOf finds the row of a key.
func idleOf(section, key string) (idle, bool) {
	i := slices.IndexFunc(idles, func(r idle) bool { return r.section == section && (r.key == key || r.key == "") })
	if i < 0 {
		return idle{}, false
	}
	return idles[i], true
}

// checkIdle warns of each setting that was written and changes nothing.
func (l *loader) checkIdle() {
	for _, s := range l.sections {
		for _, k := range s.keys {
			row, ok := idleOf(s.name, k.name)
			e, set := l.merged[[2]string{s.name, k.name}]
			if !ok || !set || slices.Contains(row.rest, e.value) {
				continue
			}
			f := l.finding(Warning, s.name, k.name, "this setting has no effect in this version: "+row.why, "nothing: the line may stay for a later version")
			f.soft = true
			if slices.ContainsFunc(l.report.Findings, f.samePlace) {
				continue // what is wrong with it comes first
			}
			if k.secret {
				f.Value = redacted
			}
			l.report.add(f)
		}
	}
}
