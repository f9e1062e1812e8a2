package dtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"b2bua/media/internal/private"
	"b2bua/media/sdp"
)

// fileName of certificate and key in the data directory.
const fileName = "dtls-srtp.pem"

// maxFile is the longest file that is read, octets: ours has some 700.
const maxFile = 64 << 10

// lockPatience is how long another process may make the certificate before we go on without waiting for it.
const lockPatience = 5 * time.Second

// ErrNotKept is in a warning about a certificate that lives in memory, because the directory does not take it.
var ErrNotKept = errors.New("it lives in memory, and changes with the next start")

// errBad is a file whose content nobody can use.
var errBad = errors.New("unusable")

// LoadCertificate takes the certificate of a directory, which it makes, with one missing parent, and fills on the first start.
// Processes that start at the same time get the same. A file that cannot be used is kept beside the new one, as .bak. Where
// nothing can be kept, and where dir is empty, the certificate lives in memory only, and the next start has another fingerprint.
// warning is for the operator, and ErrNotKept in the latter case; err is a system without randomness.
func LoadCertificate(dir string, now time.Time) (c *Certificate, warning, err error) {
	if dir == "" {
		c, _, err = generate(now)
		return c, nil, err
	}
	path := filepath.Join(dir, fileName)
	unlock := func() {}
	if dirErr := private.MakeDir(dir); dirErr == nil {
		unlock = lock(dir)
	}
	defer unlock()
	c, warning, readErr := readFile(path, now)
	if readErr == nil {
		return c, warning, nil
	}
	c, text, err := generate(now)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case errors.Is(readErr, fs.ErrNotExist):
	case errors.Is(readErr, errBad), errors.Is(readErr, fs.ErrPermission):
		kept, err := setAside(path)
		if err != nil {
			return c, notKept(path, errors.Join(readErr, err)), nil
		}
		warning = fmt.Errorf("the DTLS-SRTP certificate in %s was replaced, peers see a new fingerprint: %w; the former file is %s", path, readErr, kept)
	default: // the disk, or too many open files: it may be readable the next time
		return c, notKept(path, readErr), nil
	}
	err = create(path, text)
	if errors.Is(err, fs.ErrExist) { // another process was quicker, and could not be locked out
		if theirs, warning, err := readFile(path, now); err == nil {
			return theirs, warning, nil
		}
	}
	if err != nil {
		return c, notKept(path, err), nil
	}
	return c, warning, nil
}

// notKept names the file of the directory, and none that was only tried.
func notKept(path string, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Errorf("the DTLS-SRTP certificate cannot be kept in %s (b2bua-server/data-directory): %w; %w", path, err, ErrNotKept)
}

// lock keeps other processes from the directory. Where locks are not supported, create is what keeps two of them together.
func lock(dir string) (unlock func()) {
	d, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	_ = private.Lock(d, lockPatience)
	return func() { _ = d.Close() }
}

// readFile takes regular files only: another one could block for ever. One that others may read, from a backup perhaps, is closed to them.
func readFile(path string, now time.Time) (c *Certificate, warning, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("it is no regular file (%w)", errBad)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, nil, err
	}
	if c, err = parse(text, now); err != nil {
		return nil, nil, fmt.Errorf("%w (%w)", err, errBad)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		warning = fmt.Errorf("the key of the DTLS-SRTP certificate in %s could be read by others (mode %04o); now it cannot. Remove the file before a start, if they are not to be trusted", path, mode)
		if err := f.Chmod(mode &^ 0o077); err != nil {
			warning = fmt.Errorf("the key of the DTLS-SRTP certificate in %s can be read by others (mode %04o), and that cannot be changed: %w", path, mode, err)
		}
	}
	return c, warning, nil
}

func parse(text []byte, now time.Time) (*Certificate, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, errors.New("it holds no matching pair of certificate and key")
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	if now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("it expired on %s", leaf.NotAfter.Format(time.DateOnly))
	}
	return &Certificate{tls: pair, fingerprint: sdp.FingerprintOf(pair.Certificate[0])}, nil
}

// setAside renames a file to a name that is free.
func setAside(path string) (to string, err error) {
	for n := 1; n < 100; n++ {
		to = path + ".bak"
		if n > 1 {
			to = fmt.Sprintf("%s.bak%d", path, n)
		}
		if _, err = os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return to, os.Rename(path, to)
		}
	}
	return "", errors.New("there are too many former ones")
}

// create makes a file at once: another process never sees half of it, and one that is there already stays (fs.ErrExist).
func create(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+fileName+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // a file system without links
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}
