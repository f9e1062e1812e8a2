package peers

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Row is one line of the table at the end: what a pair of peers did.
type Row struct {
	Pair          string
	Forth, Back   [2]int // audio packets that the caller sent and the callee got; the other way round
	Lost          int
	Undecryptable int
	Wire          string // what the sniffer saw on both legs
	Failed        bool
	Note          string // "; and why"
}

func (r Row) cells() []string {
	verdict := "ok"
	if r.Failed {
		verdict = "FAILED"
	}
	return []string{
		r.Pair, fmt.Sprintf("%d/%d", r.Forth[0], r.Forth[1]), fmt.Sprintf("%d/%d", r.Back[0], r.Back[1]),
		strconv.Itoa(r.Lost), strconv.Itoa(r.Undecryptable), r.Wire, verdict + r.Note,
	}
}

// String is the row in one line, to be shown when the pair is done.
func (r Row) String() string {
	c := r.cells()
	return fmt.Sprintf("%s: %s; forth %s, back %s packets, lost %s, undecryptable %s; %s", c[0], c[6], c[1], c[2], c[3], c[4], c[5])
}

// Table collects rows. Its methods are safe for concurrent use.
type Table struct {
	mu   sync.Mutex
	rows []Row
}

// Add adds a row.
func (t *Table) Add(r Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

// String is the table, empty without rows.
func (t *Table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return ""
	}
	cells := [][]string{{"pair (A > b2bua > B)", "A>B sent/got", "B>A sent/got", "lost", "undecryptable", "wire A | B", "verdict"}}
	failed := 0
	for _, r := range t.rows {
		if r.Failed {
			failed++
		}
		cells = append(cells, r.cells())
	}
	width := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, text := range row {
			width[i] = max(width[i], len(text))
		}
	}
	var b strings.Builder
	for _, row := range cells {
		for i, text := range row {
			if i == len(row)-1 {
				b.WriteString(text)
				break
			}
			fmt.Fprintf(&b, "%-*s  ", width[i], text)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%d pairs, %d failed\n", len(t.rows), failed)
	return b.String()
}
