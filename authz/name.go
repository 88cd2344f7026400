package authz

import (
	"strings"
	"unicode"
)

// maxName bounds the name of a resource, action or reach in bytes.
const maxName = 64

// maxRoleName bounds a role's name in bytes.
const maxRoleName = 128

// nameFault says what is wrong with the name of a resource, action or reach.
func nameFault(name string) string {
	if name == "" || len(name) > maxName {
		return "is not a valid name; write 1 to 64 letters, digits, _, - or ."
	}
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '-' && c != '.' {
			return "is not a valid name; write letters, digits, _, - or ."
		}
	}
	return ""
}

func isControl(c rune) bool { return unicode.IsControl(c) || c == unicode.ReplacementChar }

// nearest returns a hint at the name that was probably meant.
func nearest(name string, names []string) string {
	best, distance := "", len(name)/3+2
	for _, candidate := range names {
		if d := editDistance(strings.ToLower(name), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return "; there are: " + strings.Join(names[:min(len(names), 8)], ", ")
	}
	return "; did you mean " + best + "?"
}

// editDistance counts the bytes to insert, remove, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func editDistance(a, b string) int {
	if len(a) > maxRoleName || len(b) > maxRoleName {
		return maxRoleName // a start with absurd names need not be slow too
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
