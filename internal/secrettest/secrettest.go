// Package secrettest shows a value in every way in which it comes into a log,
// so that a test can look for a secret there.
package secrettest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
)

// Logged returns value as all verbs of fmt and both handlers of slog write it.
func Logged(value any) string {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%v %+v %#v %s %q %x %d", value, value, value, value, value, value, value)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "value", value)
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "value", value)
	return text.String()
}

// Printed is [Logged] and what encoding/json writes.
func Printed(t testing.TB, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return Logged(value) + string(encoded)
}
