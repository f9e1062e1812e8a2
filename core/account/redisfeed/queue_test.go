package redisfeed

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// work drains a queue and writes its outputs down.
func work(q *Queue) string {
	var out []string
	for {
		w, ok := q.Poll()
		if !ok {
			return strings.Join(out, " ")
		}
		switch w := w.(type) {
		case Load:
			out = append(out, fmt.Sprintf("load%d", w.Job))
		case Read:
			out = append(out, fmt.Sprintf("read%d:%s=%s", w.Job, w.Key.URI, w.Key.Identifier))
		case Cancel:
			out = append(out, fmt.Sprintf("cancel%d", w.Job))
		case Happened:
			out = append(out, "{"+w.Event.Text()+"}")
		}
	}
}

func TestUpdatesWaitForTheLoad(t *testing.T) {
	q := NewQueue("one")
	q.Reload(start)
	assert.Equal(t, "load1", work(q))
	q.Update(start, Key{"a", "1"})
	q.Update(start, Key{"b", "2"})
	q.Update(start, Key{"a", "3"})
	assert.Empty(t, work(q), "a load may have read them before they changed, and may not have")
	q.Done(start, 1, nil)
	assert.Equal(t, "read2:a=3 read3:b=2", work(q), "each once, in the order in which they came, as last announced")
	q.Update(start, Key{"a", "4"})
	q.Update(start, Key{"a", "5"})
	assert.Empty(t, work(q), "it is being read")
	q.Done(start, 2, nil)
	assert.Equal(t, "read4:a=5", work(q))
	q.Done(start, 3, nil)
	q.Done(start, 4, nil)
	assert.True(t, q.Idle())
	assert.Zero(t, q.Deadline())
}

func TestANewLoadCancelsTheOldOne(t *testing.T) {
	q := NewQueue("one")
	q.Reload(start)
	q.Update(start, Key{"a", "1"})
	q.Reload(start)
	q.Reload(start)
	q.Update(start, Key{"b", "1"})
	assert.Equal(t, "load1 cancel1", work(q))
	q.Done(start, 1, errors.New("cancelled"))
	assert.Equal(t, "load2", work(q), "no pause, nothing told; what was announced before it begins is in it")
	q.Done(start, 2, nil)
	assert.Empty(t, work(q))
}

func TestReadsThatALoadOvertakesAreRepeated(t *testing.T) {
	q := NewQueue("one")
	q.Update(start, Key{"a", "1"})
	q.Update(start, Key{"b", "1"})
	assert.Equal(t, "read1:a=1 read2:b=1", work(q))
	q.Reload(start)
	assert.Equal(t, "load3", work(q))
	q.Done(start, 1, nil)
	q.Update(start, Key{"b", "2"})
	assert.Empty(t, work(q))
	q.Done(start, 3, nil)
	assert.Equal(t, "read4:a=1", work(q), "b is still being read")
	q.Done(start, 2, nil)
	assert.Equal(t, "read5:b=2", work(q))
}

func TestADatabaseThatIsDown(t *testing.T) {
	q, now := NewQueue("one"), start
	q.Reload(now)
	assert.Equal(t, "load1", work(q))
	q.Done(now, 1, errors.New("connection refused"))
	assert.Contains(t, work(q), "pool one: the database cannot be asked (connection refused)")
	var pauses []string
	for i := range 7 {
		pauses = append(pauses, q.Deadline().Sub(now).String())
		q.Update(now, Key{"a", "1"})
		q.Advance(q.Deadline().Add(-1))
		require.Empty(t, work(q))
		now = q.Deadline()
		q.Advance(now)
		require.Equal(t, fmt.Sprintf("load%d", i+2), work(q))
		q.Done(now, Job(i+2), errors.New("connection refused"))
	}
	assert.Equal(t, "1s 2s 4s 8s 16s 30s 30s", strings.Join(pauses, " "))
	assert.Empty(t, work(q), "told once")
	now = q.Deadline()
	q.Advance(now)
	q.Done(now, 9, nil)
	assert.Equal(t, "load9 {pool one: the database answers again, after 2m1s}", work(q))

	q.Update(now, Key{"a", "1"})
	q.Update(now, Key{"b", "1"})
	work(q)
	q.Done(now, 10, errors.New("gone"))
	q.Done(now, 11, errors.New("gone"))
	assert.Equal(t, now.Add(time.Second), q.Deadline(), "reads that fail together count once")
	q.Update(now, Key{"a", "2"})
	work(q)
	q.Advance(q.Deadline())
	assert.Equal(t, "read12:a=2 read13:b=1", work(q), "nothing is lost")
}

// slowness is an error with a remedy.
type slowness struct{}

func (slowness) Error() string  { return "too slow" }
func (slowness) Advice() string { return "buy a faster one" }

func TestWhatAnOutageTells(t *testing.T) {
	q, now := NewQueue("one"), start
	q.Reload(now)
	work(q)
	fail := func(err error) string {
		now = q.Deadline()
		q.Advance(now)
		work(q)
		q.Done(now, q.loading, err)
		return work(q)
	}
	q.Done(now, 1, errors.New("connection refused"))
	assert.Equal(t, "{pool one: the database cannot be asked (connection refused): the pool is not loaded yet, calls that need its accounts are declined; "+
		"tried again by itself, every 30s at the latest}", work(q))
	assert.Empty(t, fail(slowness{}), "another reason, so soon")
	var told []string
	for now.Before(start.Add(25 * time.Minute)) {
		if text := fail(slowness{}); text != "" {
			told = append(told, text)
		}
	}
	require.Len(t, told, 3, "the other reason after a minute, then each ten minutes")
	for _, text := range told {
		assert.Contains(t, text, "cannot be asked, since "+start.Format(time.DateTime)+" (too slow)")
		assert.Contains(t, text, "at the latest; buy a faster one}")
	}
	assert.Contains(t, fail(nil), "the database answers again, after 2")

	q.Update(now, Key{"a", "1"})
	work(q)
	read := now
	now = now.Add(time.Hour)
	q.Done(now, q.last, slowness{})
	assert.Contains(t, work(q), "(too slow): its accounts stay as they were read at "+read.Format(time.DateTime))
}

func TestAFloodIsBounded(t *testing.T) {
	q := NewQueue("one")
	for i := range 20_000 {
		q.Update(start, Key{fmt.Sprint("account", i%3), fmt.Sprint(i)})
	}
	assert.LessOrEqual(t, q.Waiting(), 3, "coalesced")
	assert.Equal(t, 2, strings.Count(work(q), " "), "three reads")

	q = NewQueue("two")
	for i := range maxPending + 100 {
		q.Update(start, Key{fmt.Sprint("account", i), ""})
	}
	text := work(q)
	assert.Equal(t, 1, strings.Count(text, "all are loaded anew instead"))
	assert.Contains(t, text, "load5")
	assert.Less(t, q.Waiting(), 101)
	for i := range maxPending + 100 {
		q.Update(start, Key{fmt.Sprint("other", i), ""})
	}
	q.Done(start, 5, nil)
	assert.NotContains(t, work(q), "load6")
	assert.Equal(t, start.Add(loadEvery), q.Deadline(), "loads that a flood causes keep their distance")
}

func TestStopCancelsAll(t *testing.T) {
	q := NewQueue("one")
	q.Update(start, Key{"a", "1"})
	q.Reload(start)
	work(q)
	q.Stop()
	assert.Equal(t, "cancel2 cancel1", work(q))
	q.Done(start, 1, errors.New("cancelled"))
	q.Done(start, 2, errors.New("cancelled"))
	q.Update(start, Key{"b", "1"})
	q.Advance(start.Add(time.Hour))
	assert.Empty(t, work(q))
	assert.True(t, q.Idle())
	assert.Zero(t, q.Deadline())
}

// database is a table that changes while jobs of random length read it at one moment and bring it home at another.
type database struct {
	rows, copy map[string]int
	jobs       []job
	rnd        *rand.Rand
}

type job struct {
	id         Job
	key        string // "": all
	readAt, at time.Time
	found      map[string]int // nil: not read yet
	fails      bool
}

// run does what the jobs of one queue do up to now.
func (d *database) run(q *Queue, now time.Time) {
	for w, ok := q.Poll(); ok; w, ok = q.Poll() {
		j := job{readAt: now.Add(time.Duration(d.rnd.IntN(50)) * time.Millisecond)}
		switch w := w.(type) {
		case Load:
			j.id = w.Job
		case Read:
			j.id, j.key = w.Job, w.Key.URI
		case Cancel, Happened:
			continue
		}
		j.at, j.fails = j.readAt.Add(time.Duration(d.rnd.IntN(200))*time.Millisecond), d.rnd.IntN(10) == 0
		d.jobs = append(d.jobs, j)
	}
	for i := range d.jobs {
		if j := &d.jobs[i]; j.found == nil && !now.Before(j.readAt) {
			j.found = maps.Clone(d.rows)
		}
	}
	for i := 0; i < len(d.jobs); i++ {
		if j := d.jobs[i]; !now.Before(j.at) && j.found != nil {
			d.jobs = slices.Delete(d.jobs, i, i+1)
			d.finish(q, now, j)
			i = -1
		}
	}
}

func (d *database) finish(q *Queue, now time.Time, j job) {
	switch {
	case j.fails:
		q.Done(now, j.id, errors.New("lost"))
		return
	case j.key == "":
		d.copy = j.found
	case j.found[j.key] == 0:
		delete(d.copy, j.key)
	default:
		d.copy[j.key] = j.found[j.key]
	}
	q.Done(now, j.id, nil)
}

func TestNothingThatWasAnnouncedIsLost(t *testing.T) {
	for seed := range uint64(200) {
		d := &database{rows: map[string]int{}, copy: map[string]int{}, rnd: rand.New(rand.NewPCG(seed, 1))}
		q, now := NewQueue("one"), start
		q.Reload(now)
		for step := range 3000 {
			now = now.Add(time.Duration(d.rnd.IntN(10)) * time.Millisecond)
			if step < 2000 && d.rnd.IntN(4) == 0 {
				k := fmt.Sprint("account", d.rnd.IntN(8))
				if d.rnd.IntN(4) == 0 {
					delete(d.rows, k)
				} else {
					d.rows[k] = step + 1
				}
				if d.rnd.IntN(20) == 0 {
					q.Reload(now) // the announcement was lost with the subscription
				} else {
					q.Update(now, Key{URI: k})
				}
			}
			q.Advance(now)
			d.run(q, now)
		}
		for range 200 {
			now = now.Add(time.Second)
			q.Advance(now)
			d.run(q, now)
		}
		require.True(t, q.Idle(), "seed %d", seed)
		require.Equal(t, d.rows, d.copy, "seed %d", seed)
	}
}
