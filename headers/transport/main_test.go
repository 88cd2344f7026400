package transport_test

import (
	"log/slog"
	"os"
	"testing"
)

// A test that puts a handler of its own in place of slog's default gives that
// back afterwards. The handler that slog begins with would go on writing to the
// one of the test, by way of package log.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
