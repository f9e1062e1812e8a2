package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"b2bua/core/config"
)

// completionCmd is `b2bua completion`.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown by b2bua completion --help.
func (completionCmd) Help() string {
	return `Examples:
  b2bua completion bash > /etc/bash_completion.d/b2bua
  b2bua completion zsh > /usr/local/share/zsh/site-functions/_b2bua
  b2bua completion fish > ~/.config/fish/completions/b2bua.fish`
}

// option is one flag for the completion scripts. They are written from the parser's own model, so they cannot drift from it.
type option struct {
	long, short, help string
	takes             string // what the value is: "", "file", "section", "override", "mode", "any"
}

var taken = map[string]string{
	"config": "file", "pidfile": "file", "p12-passphrase-file": "file", "set": "override", "dump-default": "section",
	"list-overrides": "section", "leg-a": "mode", "from": "any", "hosts": "any", "transports": "any", "server": "server", "dump-format": "format",
	"pid": "any", "timeout": "any",
}

// words are the values that can be listed.
func words(kind string) []string {
	switch kind {
	case "section":
		return append([]string{"all"}, config.Sections()...)
	case "override":
		var names []string
		for _, n := range config.Overrides("all") {
			names = append(names, n+"=")
		}
		return names
	case "mode":
		return []string{"none", "sdes", "dtls-srtp", "zrtp"}
	case "server":
		return []string{"b2bua"}
	case "format":
		return []string{"file"}
	}
	return nil
}

var commandWords = []string{"explain", "zrtp", "ctl", "completion"}

// secondWords follow a command.
var secondWords = []struct {
	command string
	words   []string
}{{"completion", []string{"bash", "zsh", "fish"}}, {"zrtp", []string{"list", "clear"}}, {"ctl", []string{"status", "accounts", "calls", "register", "sas", "get", "list", "set", "raw"}}}

func (c *completionCmd) run(out io.Writer) error {
	options, err := model()
	if err != nil {
		return err
	}
	var text string
	switch c.Shell {
	case "bash":
		text = bash(options)
	case "zsh":
		text = zsh(options)
	default:
		text = fish(options)
	}
	_, err = io.WriteString(out, text)
	return err
}

func model() ([]option, error) {
	var f flags
	parser, err := kong.New(&f, kong.NoDefaultHelp(), kong.Vars{"file": defaultFile}, groups)
	if err != nil {
		return nil, err
	}
	var options []option
	known := map[string]bool{} // several commands have --json
	add := func(list []*kong.Flag) {
		for _, one := range list {
			if known[one.Name] {
				continue
			}
			known[one.Name] = true
			o := option{long: one.Name, help: strings.SplitN(one.Help, ". ", 2)[0], takes: taken[one.Name]}
			if one.Short != 0 {
				o.short = string(one.Short)
			}
			options = append(options, o)
		}
	}
	add(parser.Model.Flags)
	var commands func(*kong.Node)
	commands = func(n *kong.Node) {
		for _, child := range n.Children {
			add(child.Flags)
			commands(child)
		}
	}
	commands(parser.Model.Node)
	return options, nil
}

func bash(options []option) string {
	var flags []string
	var cases strings.Builder
	for _, o := range options {
		flags = append(flags, "--"+o.long)
		name := "--" + o.long
		if o.short != "" {
			name += "|-" + o.short
		}
		switch list := words(o.takes); {
		case o.takes == "file":
			fmt.Fprintf(&cases, "    %s) COMPREPLY=( $(compgen -f -- \"$cur\") ); return ;;\n", name)
		case o.takes == "override":
			fmt.Fprintf(&cases, "    %s) COMPREPLY=( $(compgen -W '%s' -- \"$cur\") ); compopt -o nospace; return ;;\n", name, strings.Join(list, " "))
		case list != nil:
			fmt.Fprintf(&cases, "    %s) COMPREPLY=( $(compgen -W '%s' -- \"$cur\") ); return ;;\n", name, strings.Join(list, " "))
		}
	}
	for _, second := range secondWords {
		fmt.Fprintf(&cases, "    %s) COMPREPLY=( $(compgen -W '%s' -- \"$cur\") ); return ;;\n", second.command, strings.Join(second.words, " "))
	}
	return fmt.Sprintf(`# bash completion of b2bua
_b2bua() {
  local cur prev words cword
  COMPREPLY=()
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n := cur prev
  else
    cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}
  fi
  case "$prev" in
%s  esac
  COMPREPLY=( $(compgen -W '%s %s' -- "$cur") )
  declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -F _b2bua b2bua
`, cases.String(), strings.Join(commandWords, " "), strings.Join(flags, " "))
}

func zsh(options []option) string {
	var b strings.Builder
	b.WriteString("#compdef b2bua\nlocal state\n_arguments -S \\\n")
	for _, o := range options {
		names := "--" + o.long
		if o.short != "" {
			names = "{-" + o.short + ",--" + o.long + "}"
		}
		action := ""
		switch list := words(o.takes); {
		case o.takes == "file":
			action = ":file:_files"
		case list != nil:
			escaped := strings.ReplaceAll(strings.Join(list, " "), ":", `\:`)
			action = fmt.Sprintf(":%s:(%s)", o.takes, escaped)
		case o.takes == "any":
			action = ": : "
		}
		help := strings.NewReplacer("'", "", "[", "(", "]", ")", ":", "").Replace(o.help)
		fmt.Fprintf(&b, "  '*'%s'[%s]%s' \\\n", names, help, action)
	}
	b.WriteString("  '1:command:(" + strings.Join(commandWords, " ") + ")' \\\n  '2: :->second'\n[[ $state == second ]] && case $words[2] in\n")
	for _, second := range secondWords {
		fmt.Fprintf(&b, "  %s) compadd %s ;;\n", second.command, strings.Join(second.words, " "))
	}
	b.WriteString("esac\n")
	return b.String()
}

func fish(options []option) string {
	var b strings.Builder
	b.WriteString("# fish completion of b2bua\ncomplete -c b2bua -f\n")
	fmt.Fprintf(&b, "complete -c b2bua -n __fish_use_subcommand -a '%s'\n", strings.Join(commandWords, " "))
	for _, second := range secondWords {
		fmt.Fprintf(&b, "complete -c b2bua -n '__fish_seen_subcommand_from %s' -a '%s'\n", second.command, strings.Join(second.words, " "))
	}
	for _, o := range options {
		fmt.Fprintf(&b, "complete -c b2bua -l %s", o.long)
		if o.short != "" {
			fmt.Fprintf(&b, " -s %s", o.short)
		}
		switch list := words(o.takes); {
		case o.takes == "file":
			b.WriteString(" -r -F")
		case list != nil:
			fmt.Fprintf(&b, " -x -a '%s'", strings.Join(list, " "))
		case o.takes == "any":
			b.WriteString(" -x")
		}
		fmt.Fprintf(&b, " -d '%s'\n", strings.ReplaceAll(o.help, "'", ""))
	}
	return b.String()
}
