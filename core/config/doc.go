// Package config turns INI files and command-line overrides into one typed Config.
//
// It is pure: Load takes the bytes of named files and returns a Config together with a Report of everything that is wrong,
// all at once. Reading files, printing the report and ending the process belong to cmd/b2bua.
//
// One table (table.go) says for every key its type, default, unit, help and where its value goes; the parser, the generated
// default file, the list of overrides and the suggestions for misspelt names are all read from it.
//
// The grammar is Flexisip's (ini.go), more lenient in two points: CR at a line end is dropped, TAB counts as a blank.
package config
