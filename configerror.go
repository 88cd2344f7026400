package bulwark

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/logtext"
)

// A ConfigError says what is wrong with one field of a Config. Every New in
// this module collects all of them and returns them joined (see [errors.Join]),
// so that one start of the program shows every mistake at once.
//
// Given to [Deny] at request time, a ConfigError is an opaque 500 whose code is
// the package followed by ".unconfigured": the mistake is the server's, and the
// client learns nothing else.
type ConfigError struct {
	// Field is the full path of the field, such as "ratelimit(caller).Rate"
	// or "cors.Origins[2]". Its first word is the package.
	Field string
	// Value is the offending value as text, shortened, and empty where the
	// value is secret or says nothing.
	Value string
	// Reason says what is wrong and what to write instead.
	Reason string
}

// Error returns field, value and reason on one line.
func (e *ConfigError) Error() string {
	if e == nil {
		return "no configuration error"
	}
	if e.Value == "" {
		return e.Field + ": " + e.Reason
	}
	return e.Field + ": " + logtext.Clip(e.Value, 128) + ": " + e.Reason
}

// area is the package that the error belongs to: the first word of its path.
func (e *ConfigError) area() string {
	if i := strings.IndexAny(e.Field, "(.["); i > 0 {
		return e.Field[:i]
	}
	if e.Field == "" {
		return "bulwark"
	}
	return e.Field
}
