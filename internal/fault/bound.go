package fault

import (
	"fmt"
	"time"
)

// Number returns a bound of a Config: the value, or the standard one for 0. A
// value below low or above high is noted.
func (l *List) Number(field string, value, low, high, standard int) int {
	return bound(l, field, value, low, high, standard)
}

// Span is [List.Number] for a length of time.
func (l *List) Span(field string, value, low, high, standard time.Duration) time.Duration {
	return bound(l, field, value, low, high, standard)
}

func bound[T int | time.Duration](l *List, field string, value, low, high, standard T) T {
	switch {
	case value == 0:
		return standard
	case value < low || value > high:
		otherwise := "none"
		if standard != 0 {
			otherwise = fmt.Sprintf("the default of %v", standard)
		}
		l.Add(field, fmt.Sprint(value), fmt.Sprintf("must be %v to %v, or 0 for %s", low, high, otherwise))
	}
	return value
}
