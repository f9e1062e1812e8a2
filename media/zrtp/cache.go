package zrtp

import (
	"sync"
	"time"

	"b2bua/media/zrtp/alg"
)

// Key names the record of a peer. URI is empty, except for peers that keep one record for each URI: bzrtp does.
type Key struct {
	Own, Peer alg.ZID
	URI       string
}

// Record is what is remembered about a peer. The zero value is no record.
type Record struct {
	RS1, RS2 alg.Secret // of the last two exchanges
	Aux, PBX alg.Secret // provisioned
	Verified bool       // the SAS was compared
	// Mismatches counts the calls without the common secret since the SAS was compared last.
	Mismatches int
	Client     string
	Used       time.Time
	Expires    time.Time // zero: never. A record may be used as long as it exists
}

// Clone is a copy with memory of its own.
func (r Record) Clone() Record {
	r.RS1, r.RS2, r.Aux, r.PBX = r.RS1.Clone(), r.RS2.Clone(), r.Aux.Clone(), r.PBX.Clone()
	return r
}

// Wipe overwrites the secrets.
func (r *Record) Wipe() {
	for _, s := range []alg.Secret{r.RS1, r.RS2, r.Aux, r.PBX} {
		s.Wipe()
	}
	*r = Record{}
}

// Update is a change to a record, to be applied to what the cache has by then, as one transaction: another call with the same
// peer may have changed it, and then one secret of each call survives, which is enough for the next one to match.
type Update struct {
	Retained alg.Secret // the new rs1, or nil
	Expire   bool       // nothing is to be kept: an existing record may be deleted
	Verified *bool      // nil: as it is
	Mismatch bool       // the peer did not have the common secret
	Client   string
	Used     time.Time
	Expires  time.Time
}

// Apply makes the new record. It has no memory in common with the update.
func (u Update) Apply(r Record) Record {
	if u.Expire {
		r.Expires = u.Used
		return r
	}
	if u.Retained != nil {
		r.RS2, r.RS1 = r.RS1, u.Retained.Clone()
		r.Expires, r.Client = u.Expires, u.Client // without the secret anybody could give the name
	}
	if u.Verified != nil {
		r.Verified = *u.Verified
	}
	if u.Mismatch {
		r.Mismatches++
	} else if u.Verified != nil && *u.Verified {
		r.Mismatches = 0
	}
	r.Used = u.Used
	return r
}

// Creates tells whether the update makes a record where there is none.
func (u Update) Creates() bool { return u.Retained != nil }

// Cache keeps records beyond a call. Implementations are safe for concurrent use, and Store is atomic and durable when it
// returns.
type Cache interface {
	Load(Key) (Record, error)
	Store(Key, Update) error
}

// Memory is a Cache that ends with the process. The zero value is empty.
type Memory struct {
	mu      sync.Mutex
	records map[Key]Record
}

// Load returns a copy of a record, the zero value if there is none.
func (m *Memory) Load(k Key) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[k].Clone(), nil
}

// Store changes a record.
func (m *Memory) Store(k Key, u Update) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[k]
	if !ok && !u.Creates() {
		return nil
	}
	if m.records == nil {
		m.records = map[Key]Record{}
	}
	m.records[k] = u.Apply(r)
	return nil
}

// Delete forgets a record.
func (m *Memory) Delete(k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[k]
	r.Wipe()
	delete(m.records, k)
}
