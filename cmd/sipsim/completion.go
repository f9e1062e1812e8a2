package main

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help teaches.
func (completionCmd) Help() string {
	return `  bash   sipsim completion bash > /etc/bash_completion.d/sipsim
  zsh    sipsim completion zsh  > "${fpath[1]}/_sipsim"
  fish   sipsim completion fish > ~/.config/fish/completions/sipsim.fish`
}

// Run prints the script.
func (c *completionCmd) Run(e *env) error {
	var out strings.Builder
	words := wordsOf(e.app.Node, nil)
	switch c.Shell {
	case "fish":
		for _, w := range words {
			fmt.Fprintf(&out, "complete -c sipsim -f -n '__fish_seen_subcommand_from %s' -a '%s'\n", orTop(w.path), strings.Join(w.words, " "))
		}
	case "zsh":
		fmt.Fprintln(&out, "#compdef sipsim\nautoload -U +X bashcompinit && bashcompinit")
		fallthrough
	default:
		fmt.Fprintln(&out, "_sipsim() {\n  local cur=${COMP_WORDS[COMP_CWORD]} path=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n  case \"$path\" in")
		for _, w := range words {
			pattern := "*"
			if w.path != "" {
				pattern = fmt.Sprintf("%q*", w.path)
			}
			fmt.Fprintf(&out, "    %s) COMPREPLY=($(compgen -o default -W %q -- \"$cur\")) ;;\n", pattern, strings.Join(w.words, " "))
		}
		fmt.Fprintln(&out, "  esac\n}\ncomplete -o default -F _sipsim sipsim")
	}
	if _, err := io.WriteString(e.stdout, out.String()); err != nil {
		return fmt.Errorf("completion: %w", err)
	}
	return nil
}

func orTop(path string) string {
	if path == "" {
		return "sipsim"
	}
	f := strings.Fields(path)
	return f[len(f)-1]
}

// completion is what may follow one command.
type completion struct {
	path  string
	words []string
}

// wordsOf lists deeper commands first, so that the first pattern that fits is the right one.
func wordsOf(n *kong.Node, path []string) []completion {
	var out []completion
	var own []string
	for _, child := range n.Children {
		own = append(own, child.Name)
		out = append(out, wordsOf(child, append(path, child.Name))...)
	}
	for _, flag := range n.Flags {
		if !flag.Hidden {
			own = append(own, "--"+flag.Name)
		}
	}
	sort.Strings(own)
	return append(out, completion{strings.Join(path, " "), own})
}
