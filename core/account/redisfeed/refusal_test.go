package redisfeed

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// table is a database in simulated time: some accounts cannot be read, or nothing can.
type table struct {
	t     *testing.T
	q     *Queue
	now   time.Time
	takes func(uri string) (time.Duration, error)
	jobs  []answer
	read  map[string]time.Time // the last success
	tries map[string]int
	lines []string
	most  int // reads at a time
}

type answer struct {
	at  time.Time
	job Job
	uri string
	err error
}

func newTable(t *testing.T, takes func(uri string) (time.Duration, error)) *table {
	return &table{t: t, q: NewQueue("one"), now: start, takes: takes, read: map[string]time.Time{}, tries: map[string]int{}}
}

func (d *table) drain() {
	for w, ok := d.q.Poll(); ok; w, ok = d.q.Poll() {
		switch w := w.(type) {
		case Read:
			after, err := d.takes(w.Key.URI)
			d.tries[w.Key.URI]++
			d.jobs = append(d.jobs, answer{d.now.Add(after), w.Job, w.Key.URI, err})
			d.most = max(d.most, len(d.jobs))
		case Happened:
			d.lines = append(d.lines, w.Event.Text())
		default:
			d.t.Fatalf("%#v", w)
		}
	}
}

// run lets that much time pass.
func (d *table) run(long time.Duration) {
	end := d.now.Add(long)
	for d.drain(); ; d.drain() {
		slices.SortStableFunc(d.jobs, func(a, b answer) int { return a.at.Compare(b.at) })
		due := d.q.Deadline()
		switch {
		case len(d.jobs) > 0 && (due.IsZero() || !due.Before(d.jobs[0].at)):
			j := d.jobs[0]
			if j.at.After(end) {
				d.now = end
				return
			}
			d.now, d.jobs = j.at, d.jobs[1:]
			if j.err == nil {
				d.read[j.uri] = d.now
			}
			d.q.Done(d.now, j.job, j.err)
		case due.IsZero() || due.After(end):
			d.now = end
			return
		default:
			require.True(d.t, due.After(d.now), "a deadline that passed is no time to wait for")
			d.now = due
			d.q.Advance(d.now)
		}
	}
}

func (d *table) update(uri string) {
	d.q.Update(d.now, Key{URI: uri})
	d.drain()
}

func (d *table) says(text string) (n int) {
	for _, line := range d.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

var errBad = errors.New("illegal mix of collations")

// Accounts that can never be read, whether their reads fail at once or take long, delay no other one.
func TestOneThatCannotBeReadHoldsNobodyBack(t *testing.T) {
	for _, bad := range []int{1, 3, 50} {
		for _, slow := range []time.Duration{time.Millisecond, 8 * time.Second} {
			t.Run(fmt.Sprintf("%d bad ones that take %v", bad, slow), func(t *testing.T) {
				d := newTable(t, func(uri string) (time.Duration, error) {
					if strings.HasPrefix(uri, "bad") {
						return slow, errBad
					}
					return time.Millisecond, nil
				})
				for i := range bad {
					d.update(fmt.Sprint("bad", i))
				}
				d.run(10 * time.Minute)
				began := d.now
				for i := range 600 { // now and then one that is good, and all the bad ones once more
					uri := fmt.Sprint("good", i)
					d.update(uri)
					if i == 300 {
						for j := range bad {
							d.update(fmt.Sprint("bad", j))
						}
					}
					d.run(time.Second)
					if i > 50 {
						require.Contains(t, d.read, uri, "not within a second")
					}
				}
				for i := range 600 {
					require.Contains(t, d.read, fmt.Sprint("good", i))
				}
				d.run(5 * time.Minute)
				asked := 0
				for i := range bad {
					asked += d.tries[fmt.Sprint("bad", i)]
					assert.Positive(t, d.tries[fmt.Sprint("bad", i)])
				}
				assert.Greater(t, asked, 10, "they are tried again all the time")
				assert.LessOrEqual(t, d.says("cannot be read from the database, others can (illegal mix of collations)"), badLines*26)
				assert.Positive(t, d.says("cannot be read from the database, others can"))
				assert.LessOrEqual(t, d.says("answers again"), 5+bad, "the log does not flicker")
				assert.Less(t, d.now.Sub(began), time.Hour)
			})
		}
	}
}

// What was refused and is repaired is read soon after it is announced again.
func TestARepairedAccountIsReadSoon(t *testing.T) {
	repaired := false
	d := newTable(t, func(uri string) (time.Duration, error) {
		if uri == "bad" && !repaired {
			return time.Millisecond, errBad
		}
		return time.Millisecond, nil
	})
	d.update("good")
	d.update("bad")
	for range 300 {
		d.update("good")
		d.run(time.Second)
	}
	assert.Equal(t, 1, d.says("account bad cannot be read"))
	assert.Equal(t, 1, d.q.Waiting())
	d.run(5 * time.Second)
	repaired = true
	d.update("bad")
	d.run(time.Second)
	assert.Contains(t, d.read, "bad")
	assert.Zero(t, d.q.Waiting())
	assert.Empty(t, d.q.refused)
	assert.Empty(t, d.q.resting)
	assert.True(t, d.q.Idle())
	assert.Zero(t, d.q.Deadline())
}

// A database that is away is asked rarely however much is announced, and afterwards everything is read at once.
func TestAnOutageIsNobodysFault(t *testing.T) {
	away := false
	d := newTable(t, func(string) (time.Duration, error) {
		if away {
			return time.Millisecond, errors.New("connection refused")
		}
		return time.Millisecond, nil
	})
	for i := range 4 {
		d.update(fmt.Sprint("account", i))
	}
	d.run(500 * time.Microsecond) // one is answered, then the database dies
	away = true
	for i := range 300 {
		d.update(fmt.Sprint("other", i))
		d.run(time.Second)
	}
	asked := 0
	for _, n := range d.tries {
		asked += n
	}
	assert.Less(t, asked, 2*300)
	assert.Equal(t, 1, d.says("the database cannot be asked (connection refused)"))
	assert.Zero(t, d.says("others can"))
	away = false
	d.run(31 * time.Second)
	assert.Len(t, d.read, 304)
	assert.Equal(t, 1, d.says("the database answers again"))
	assert.LessOrEqual(t, d.most, parallel)
}

// A load reads everybody: nobody rests after it, and nothing is kept.
func TestALoadEndsAllRests(t *testing.T) {
	q := NewQueue("one")
	bad := func(now time.Time, j Job) { q.Done(now, j, errBad) }
	q.Update(start, Key{"a", "1"})
	bad(start, 1)
	q.Update(start, Key{"b", "1"})
	q.Done(start, 2, nil)
	bad(start, 3)
	assert.Contains(t, work(q), "account a cannot be read")
	assert.Equal(t, 1, q.Waiting())
	assert.Equal(t, start.Add(time.Second), q.Deadline())
	q.Reload(start)
	assert.Equal(t, "load4", work(q))
	assert.Zero(t, q.Waiting())
	assert.Empty(t, q.refused)
	q.Done(start, 4, nil)
	assert.Zero(t, q.Deadline())
}
