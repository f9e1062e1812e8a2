// Package suggest finds what a misspelt name most likely meant.
package suggest

// Closest is the name that a misspelt one most likely meant, empty when none is near.
func Closest(wrong string, names []string) string {
	best, guess := len(wrong)/3+1, "" // a third of the letters may be wrong
	for _, name := range names {
		if d := distance(wrong, name, best); d < best || d == best && guess == "" && d <= len(wrong)/3 {
			best, guess = d, name
		}
	}
	return guess
}

// distance counts insertions, deletions, replacements and swaps of neighbours. Names differing by more than limit in length
// are not compared.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(a) > 64 || len(b) > 64 {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
