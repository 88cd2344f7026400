package tally

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// Other is the last value of every [List]. It stands for all texts that the
// list does not have.
const Other = "other"

// A List is the closed list of the values of one label. A text that somebody
// outside may choose never becomes a value.
type List struct {
	values []string
	at     map[string]int
}

// newList returns a list of the values in their order, each once, and [Other].
func newList(values ...string) *List {
	l := &List{at: map[string]int{}}
	for _, value := range append(slices.Clip(values), Other) {
		if _, known := l.at[value]; !known {
			l.at[value] = len(l.values)
			l.values = append(l.values, value)
		}
	}
	return l
}

// find returns the place of text, or the place of [Other].
func (l *List) find(text string) int {
	if at, known := l.at[text]; known {
		return at
	}
	return l.at[Other]
}

// named checks the values of a field of a Config, and returns them.
func named(field string, values []string, most int, faults *fault.List) []string {
	if len(values) > most {
		faults.Add(field, strconv.Itoa(len(values)), fmt.Sprintf("has too many values; at most %d, because each is a series", most))
		return nil
	}
	for i, value := range values {
		switch {
		case !IsName(value):
			faults.AddAt(field, i, value, `must have 1 to 64 characters, each a letter of a-z or A-Z, a digit, "-", "_" or "."; write a name of your Config, such as login`)
		case slices.Contains(values[:i], value):
			faults.AddAt(field, i, value, "is in the list twice; remove one")
		}
	}
	return values
}

// IsName accepts what is safe as the value of a label. The names of limits have
// the same characters.
func IsName(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
