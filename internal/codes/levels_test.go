package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// The page says what becomes of an INFO event: an audit layer writes it with its
// level, whatever the level of its Logger. Without an audit layer it is WARN.
func TestTheLevelOfInfoEvents(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.SessionCreated, Reason: "login"})
	})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if got := log.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "event=session_created") {
		t.Errorf("without an audit layer: %s", got)
	}

	log.Reset()
	stack := bulwark.Must(bulwark.Chain(audit.Config{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})),
	}))
	stack.Wrap(handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if err := stack.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.Contains(got, "level=INFO") || !strings.Contains(got, "event=session_created") {
		t.Errorf("with an audit layer: %s", got)
	}
}
