package audit

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is text that no log shows: fmt, slog, zap, encoding/json and every
// other encoder of text print [redacted] for it. This holds for every verb of
// fmt, and for a Secret in an unexported field of a printed value. The zero
// Secret is empty.
type Secret struct {
	// A closure: formatters that reach unexported fields by reflection would
	// print a string, and follow a pointer to one.
	reveal func() string
}

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret { return Secret{func() string { return text }} }

// Reveal returns the text itself. Search for its callers to find the places
// where the text can leak.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns "[redacted]", for slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", for encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
