package dpop_test

import (
	"log/slog"
	"os"
	"testing"
)

// What the packages log about servers that fail is no news here: many tests let
// them fail. Tests about the log have a logger of their own.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
