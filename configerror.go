package bulwark

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/logtext"
)

// A ConfigError says what is wrong with one field of a Config, and what to
// write instead. Every constructor in this module collects all mistakes and
// returns them joined (see [errors.Join]). So one start of the program shows
// every mistake.
//
// [Deny] answers a ConfigError with an opaque 500. The code is the name of the
// package and ".unconfigured". The mistake is in the server, so the client
// learns nothing else.
type ConfigError struct {
	// Field is the full path of the field, such as "ratelimit(caller).Rate" or
	// "cors.Origins[2]". Its first word is the package.
	Field string
	// Value is the wrong value as text, shortened. It is empty if the value is
	// secret or would not help.
	Value string
	// Reason says what is wrong and what to write instead.
	Reason string
}

// Error returns Field, Value and Reason on one line.
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
