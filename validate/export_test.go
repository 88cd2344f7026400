package validate

import "github.com/bulwark-go/bulwark/internal/schema"

// ParseQuery is for fuzzing.
func ParseQuery(raw string) (map[string][]string, bool) { return parseQuery(raw, 1_000) }

// Integer coerces text.
func Integer(text string) any { return coerce(text, schema.Integer) }

// Number coerces text.
func Number(text string) any { return coerce(text, schema.Number) }

// Boolean coerces text.
func Boolean(text string) any { return coerce(text, schema.Boolean) }
