package steps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
)

// columns declares what a step's table may contain; anything else is refused, so a typing error can't switch a check off.
type columns struct {
	required []string
	optional []string
}

// row is one row of a table with placeholders expanded.
type row struct {
	cells map[string]string
}

// has tells whether the column is there, even if the cell is empty.
func (r row) has(column string) bool { _, ok := r.cells[column]; return ok }

// text is the cell, or nothing when the optional column is missing.
func (r row) text(column string) string { return r.cells[column] }

// number is the cell as an integer.
func (r row) number(column string) (int, error) {
	n, err := strconv.Atoi(r.cells[column])
	if err != nil {
		return 0, fmt.Errorf("column %q: %q is no number", column, r.cells[column])
	}
	return n, nil
}

// numberOr is number, or d when there is nothing.
func (r row) numberOr(column string, d int) (int, error) {
	if r.cells[column] == "" {
		return d, nil
	}
	return r.number(column)
}

// list is the cell split at commas; an empty cell is an empty list.
func (r row) list(column string) []string {
	if r.cells[column] == "" {
		return nil
	}
	parts := strings.Split(r.cells[column], ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// rows reads a table strictly: every required column is there, no unknown one, none twice, and at least one row.
func (w *World) rows(table *godog.Table, c columns) ([]row, error) {
	if table == nil || len(table.Rows) < 2 {
		return nil, fmt.Errorf("the step needs a table with a heading and at least one row; columns: %s", c)
	}
	var names []string
	for _, cell := range table.Rows[0].Cells {
		if slices.Contains(names, cell.Value) {
			return nil, fmt.Errorf("column %q is there twice", cell.Value)
		}
		if !slices.Contains(c.required, cell.Value) && !slices.Contains(c.optional, cell.Value) {
			return nil, fmt.Errorf("unknown column %q; columns: %s", cell.Value, c)
		}
		names = append(names, cell.Value)
	}
	for _, required := range c.required {
		if !slices.Contains(names, required) {
			return nil, fmt.Errorf("column %q is missing; columns: %s", required, c)
		}
	}
	out := make([]row, 0, len(table.Rows)-1)
	for _, line := range table.Rows[1:] {
		r := row{cells: map[string]string{}}
		for i, cell := range line.Cells {
			value, err := w.expand(cell.Value)
			if err != nil {
				return nil, fmt.Errorf("column %q: %w", names[i], err)
			}
			r.cells[names[i]] = value
		}
		out = append(out, r)
	}
	return out, nil
}

// String is for error messages.
func (c columns) String() string {
	text := strings.Join(c.required, ", ")
	if len(c.optional) > 0 {
		text += " (optional: " + strings.Join(c.optional, ", ") + ")"
	}
	return text
}
