package sqlcache

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"b2bua/media/internal/private"
	"b2bua/media/zrtp/alg"
)

// lock excludes other processes; the system releases it when this one dies.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := private.Lock(f, busy); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

// setAside renames a damaged file. Its log goes first: beside the next file it would be taken for that one's.
func setAside(path string, now time.Time) (aside string, err error) {
	aside = path + ".damaged-" + now.UTC().Format("20060102T150405.000000000Z")
	for _, name := range append(slices.Clone(sidecars), "") {
		err := os.Rename(path+name, aside+name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	forgetAside(path)
	return aside, nil
}

// forgetAside removes all but the newest of the files that were put aside.
func forgetAside(path string) {
	found, err := filepath.Glob(globQuote(path) + ".damaged-*Z")
	if err != nil || len(found) <= maxAside {
		return
	}
	slices.Sort(found)
	for _, old := range found[:len(found)-maxAside] {
		for _, name := range append([]string{""}, sidecars...) {
			_ = os.Remove(old + name)
		}
	}
}

var globQuote = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace

// savedZID is the one beside the cache, for the case that this is damaged; else a new one.
func savedZID(dir string, random io.Reader) (alg.ZID, error) {
	if dir != "" {
		if zid, err := readZID(filepath.Join(dir, zidName)); err == nil {
			return zid, nil
		}
	}
	var zid alg.ZID
	if _, err := io.ReadFull(random, zid[:]); err != nil {
		return zid, fmt.Errorf("zrtp cache: no randomness for a ZID: %w", err)
	}
	return zid, nil
}

func readZID(path string) (alg.ZID, error) {
	info, err := os.Stat(path)
	if err != nil {
		return alg.ZID{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > 64 {
		return alg.ZID{}, fmt.Errorf("%s holds no ZID", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return alg.ZID{}, err
	}
	return ParseZID(strings.TrimSpace(string(text)))
}

// saveZID replaces the file at once: another process never sees half of it.
func saveZID(dir string, zid alg.ZID) error {
	path := filepath.Join(dir, zidName)
	if have, err := readZID(path); err == nil && have == zid {
		return nil
	}
	f, err := os.CreateTemp(dir, "."+zidName+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%x\n", zid)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// ParseZID reads a ZID as Entry prints it.
func ParseZID(text string) (zid alg.ZID, err error) {
	octets, err := hex.DecodeString(text)
	if err != nil || len(octets) != len(zid) {
		return zid, fmt.Errorf("a ZID has %d hexadecimal digits, as the list of records shows it, not %q", 2*len(zid), text)
	}
	if copy(zid[:], octets); zid == (alg.ZID{}) {
		return zid, errors.New("a ZID is not zero")
	}
	return zid, nil
}
