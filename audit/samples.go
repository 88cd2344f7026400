package audit

import (
	"fmt"
	"log/slog"
	"strings"
)

// maxSamples is how many different values of a field a counted record has.
const maxSamples = 4

// samples are the first few different values of one field, each with how often
// it came.
type samples[T comparable] struct {
	values [maxSamples]T
	counts [maxSamples]int
}

// add counts a value. The zero value is not counted.
func (s *samples[T]) add(value T, n int) {
	var zero T
	if value == zero {
		return
	}
	for i := range s.values {
		switch {
		case s.counts[i] == 0:
			if text, ok := any(&value).(*string); ok {
				*text = strings.Clone(*text) // it may be part of a large request line
			}
			s.values[i], s.counts[i] = value, n
			return
		case s.values[i] == value:
			s.counts[i] += n
			return
		}
	}
}

// merge adds the values of other samples.
func (s *samples[T]) merge(other *samples[T]) {
	for i, n := range other.counts {
		if n > 0 {
			s.add(other.values[i], n)
		}
	}
}

// A sample is one value in a record.
type sample struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// String is the form for handlers of text.
func (s sample) String() string { return fmt.Sprintf("%s (%d)", s.Value, s.Count) }

// appendSamples appends the values as one attribute, unless the events have one
// value in common, which is in the record's own field.
func appendSamples[T comparable](attrs []slog.Attr, key string, shared T, s *samples[T], text func(T) string) []slog.Attr {
	var zero T
	if shared != zero || s.counts[0] == 0 {
		return attrs
	}
	var list []sample
	for i, n := range s.counts {
		if n > 0 {
			list = append(list, sample{text(s.values[i]), n})
		}
	}
	return append(attrs, slog.Any(key, list))
}
