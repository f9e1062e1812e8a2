package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"b2bua/core/config"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/sqlcache"
)

// zrtpCmd is `b2bua zrtp`: what is remembered about phones that spoke ZRTP.
type zrtpCmd struct {
	List  zrtpListCmd  `cmd:"" help:"Print the phones whose ZRTP secrets are retained."`
	Clear zrtpClearCmd `cmd:"" help:"Forget the ZRTP secrets of phones."`
}

// zrtpListCmd is `b2bua zrtp list`.
type zrtpListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is shown by b2bua zrtp list --help.
func (zrtpListCmd) Help() string {
	return `One line for each phone, or for each address that the phone knows us by, in the order in which they were first met. No secret is printed. It may be
used while the server runs.

MISMATCHES counts the calls in which the phone did not have the secret that we share with it: it lost its memory, or somebody is in the middle.
They stop when the SAS was compared, or after b2bua zrtp clear.

Examples:
  b2bua zrtp list -c b2bua.conf
  b2bua zrtp list --json | jq '.[] | select(.mismatches > 0)'

Exit status: 0, also when nothing is retained; 1 the file cannot be read; 255 the configuration has faults.`
}

// zrtpClearCmd is `b2bua zrtp clear`.
type zrtpClearCmd struct {
	ZID  []string `arg:"" optional:"" help:"ZID of a phone as b2bua zrtp list prints it: 24 hexadecimal digits."`
	All  bool     `help:"Forget all phones. Our own ZID stays."`
	JSON bool     `name:"json" help:"Print JSON."`
}

// Help is shown by b2bua zrtp clear --help.
func (zrtpClearCmd) Help() string {
	return `A phone that is forgotten here still remembers: on the next call it asks its user to compare the SAS, as a new one does. Clear a phone that was
replaced or reset, after making sure that it was. It may be used while the server runs; calls in progress stay as they are.

Examples:
  b2bua zrtp clear 0123456789abcdef01234567 -c b2bua.conf
  b2bua zrtp clear --all --json

Exit status: 0 done; 1 wrong usage, a phone that is not known (the others are forgotten), or the file cannot be written; 255 the configuration has
faults.`
}

// retained is one line of `b2bua zrtp list --json`.
type retained struct {
	ZID        string     `json:"zid"`           // of the phone
	URI        string     `json:"uri,omitempty"` // that the phone knows us by
	Client     string     `json:"client"`        // what the phone calls itself
	Verified   bool       `json:"verified"`      // the SAS was compared
	Mismatches int        `json:"mismatches"`    // calls without the common secret
	LastUsed   time.Time  `json:"lastUsed"`
	Expires    *time.Time `json:"expires"` // null: never
	OwnZID     string     `json:"ownZid"`
}

// cleared is `b2bua zrtp clear --json`.
type cleared struct {
	Cleared int      `json:"cleared"` // records; a phone may have several
	Unknown []string `json:"unknown"` // phones without any
}

const zrtpPatience = 30 * time.Second

func (z *zrtpCmd) run(ctx context.Context, command string, cfg *config.Config, stdout, stderr io.Writer) error {
	peers, err := z.Clear.peers(command)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, zrtpPatience)
	defer cancel()
	dir := cfg.B2BUA.DataDirectory
	store, err := sqlcache.OpenExisting(dir, sqlcache.Options{Warn: func(err error) { _, _ = fmt.Fprintf(stderr, "b2bua: warning: %v\n", err) }})
	absent := errors.Is(err, fs.ErrNotExist)
	switch {
	case absent:
		_, _ = fmt.Fprintf(stderr, "b2bua: no ZRTP secrets are retained in %s (b2bua-server/data-directory): no server has kept any there yet\n", dir)
		store = nil
	case err != nil:
		return err
	default:
		defer func() { _ = store.Close(ctx) }() // what was to be written has been
	}
	if strings.HasPrefix(command, "zrtp list") {
		return z.List.run(ctx, store, stdout)
	}
	return z.Clear.run(ctx, store, peers, stdout)
}

func (z *zrtpListCmd) run(ctx context.Context, store *sqlcache.Store, out io.Writer) error {
	list := []retained{}
	if store != nil {
		for e, err := range store.List(ctx) {
			if err != nil {
				return err
			}
			list = append(list, newRetained(e))
		}
	}
	if z.JSON {
		return printJSON(out, list)
	}
	if len(list) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ZID\tCLIENT\tVERIFIED\tMISMATCHES\tLAST USED\tEXPIRES\tURI")
	for _, r := range list {
		verified, expires := "no", "never"
		if r.Verified {
			verified = "yes"
		}
		if r.Expires != nil {
			expires = r.Expires.Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", r.ZID, orDash(r.Client), verified, r.Mismatches, r.LastUsed.Format(time.RFC3339), expires, orDash(r.URI))
	}
	return table.Flush()
}

func newRetained(e sqlcache.Entry) retained {
	r := retained{
		ZID: hex.EncodeToString(e.Peer[:]), OwnZID: hex.EncodeToString(e.Own[:]), URI: printable(e.URI), Client: printable(strings.TrimSpace(e.Client)),
		Verified: e.Verified, Mismatches: e.Mismatches, LastUsed: e.Used.UTC().Truncate(time.Second),
	}
	if !e.Expires.IsZero() {
		at := e.Expires.UTC().Truncate(time.Second)
		r.Expires = &at
	}
	return r
}

// printable keeps what a phone wrote from steering a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, text)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// peers reads the arguments of clear: before any of them is forgotten, all must be right.
func (z *zrtpClearCmd) peers(command string) ([]alg.ZID, error) {
	if !strings.HasPrefix(command, "zrtp clear") {
		return nil, nil
	}
	if z.All != (len(z.ZID) == 0) {
		return nil, errors.New("zrtp clear: write the ZIDs that b2bua zrtp list prints, or --all; see b2bua zrtp clear --help")
	}
	var list []alg.ZID
	for _, text := range z.ZID {
		zid, err := sqlcache.ParseZID(text)
		if err != nil {
			return nil, fmt.Errorf("zrtp clear %s: a ZID has 24 hexadecimal digits, as b2bua zrtp list prints it", text)
		}
		list = append(list, zid)
	}
	return list, nil
}

func (z *zrtpClearCmd) run(ctx context.Context, store *sqlcache.Store, peers []alg.ZID, out io.Writer) (err error) {
	result := cleared{Unknown: []string{}}
	if z.All && store != nil {
		if result.Cleared, err = store.ClearAll(ctx); err != nil {
			return err
		}
	}
	for _, peer := range peers {
		n := 0
		if store != nil {
			if n, err = store.Clear(ctx, peer); err != nil {
				return err
			}
		}
		if result.Cleared += n; n == 0 {
			result.Unknown = append(result.Unknown, hex.EncodeToString(peer[:]))
		}
	}
	if z.JSON {
		err = printJSON(out, result)
	} else {
		_, err = fmt.Fprintf(out, "%s forgotten.\n", count(result.Cleared, "record"))
	}
	if err == nil && len(result.Unknown) > 0 {
		return fmt.Errorf("nothing is known of %s; b2bua zrtp list shows the phones that are", strings.Join(result.Unknown, ", "))
	}
	return err
}

func printJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
