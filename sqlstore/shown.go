package sqlstore

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// Format writes the dialect and the Prefix, for every verb, and never the
// Secrets.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

func (c Config) shown() string {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	return "sqlstore in " + strconv.Quote(string(c.Dialect)) + " under " + strconv.Quote(c.Prefix)
}

// Format writes the dialect and the Prefix, for every verb, and never the
// Secrets.
func (s *Store) Format(f fmt.State, _ rune) {
	if s == nil || s.db == nil {
		io.WriteString(f, "no sqlstore.Store")
		return
	}
	io.WriteString(f, s.config.shown())
}
