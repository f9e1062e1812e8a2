package main

import (
	"fmt"
	"io"
	"strings"

	"b2bua/core/config"
)

// printed does what the options ask to print instead of running. False: nothing was asked for.
func (f *flags) printed(out io.Writer) (bool, error) {
	switch {
	case f.DumpAllDefault:
		return true, f.dump("all", out)
	case f.DumpDefault.given:
		return true, f.dump(f.DumpDefault.value, out)
	case f.ListSections:
		_, err := fmt.Fprintln(out, strings.Join(config.Sections(), "\n"))
		return true, err
	case f.ListOverrides.given:
		return true, list(f.ListOverrides.value, out)
	case f.ListModules, f.DumpMibs:
		return true, nil
	}
	return false, nil
}

func (f *flags) dump(section string, out io.Writer) error {
	if f.DumpFormat != "file" {
		return fmt.Errorf("--dump-format %s: only the format file is supported; leave --dump-format out", f.DumpFormat)
	}
	text, ok := config.Dump(section)
	if !ok {
		return fmt.Errorf("--dump-default %s: there is no such section; write all or one of %s", section, strings.Join(config.Sections(), ", "))
	}
	_, err := io.WriteString(out, text)
	return err
}

// list prints what --set takes. The original's first line tells its completion scripts that SNMP names are left out.
func list(prefix string, out io.Writer) error {
	names := config.Overrides(prefix)
	if len(names) == 0 {
		return fmt.Errorf("--list-overrides %s: no section begins so; write all or one of %s", prefix, strings.Join(config.Sections(), ", "))
	}
	_, err := fmt.Fprintln(out, "nosnmp\n"+strings.Join(names, "\n"))
	return err
}
