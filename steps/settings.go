package steps

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settings is the INI file of a scenario while it is being written: sections and keys in the order in which they came.
type settings struct {
	order  []string // "section/key"
	values map[string]string
}

func newSettings() *settings { return &settings{values: map[string]string{}} }

// set writes or replaces one value; name is section/key as in --set.
func (s *settings) set(name, value string) error {
	section, key, ok := strings.Cut(name, "/")
	if !ok || section == "" || key == "" {
		return fmt.Errorf("setting %q is not written section/key", name)
	}
	if _, known := s.values[name]; !known {
		s.order = append(s.order, name)
	}
	s.values[name] = value
	return nil
}

// String is the file.
func (s *settings) String() string {
	var b strings.Builder
	var sections []string
	for _, name := range s.order {
		if section, _, _ := strings.Cut(name, "/"); !slices.Contains(sections, section) {
			sections = append(sections, section)
		}
	}
	for _, section := range sections {
		fmt.Fprintf(&b, "[%s]\n", section)
		for _, name := range s.order {
			if in, key, _ := strings.Cut(name, "/"); in == section {
				fmt.Fprintf(&b, "%s=%s\n", key, s.values[name])
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// write puts the file into dir and returns its path.
func (s *settings) write(dir string) (string, error) {
	path := filepath.Join(dir, "b2bua.conf")
	return path, os.WriteFile(path, []byte(s.String()), 0o600)
}
