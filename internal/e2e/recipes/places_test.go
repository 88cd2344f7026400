package recipes

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// A kindHandler writes the records of one kind, "security" or "access".
type kindHandler struct {
	kind string
	to   slog.Handler
}

// Handle leaves the records of the other kind to the other handler.
func (h kindHandler) Handle(ctx context.Context, record slog.Record) error {
	kind, gap := "security", false
	record.Attrs(func(attr slog.Attr) bool {
		switch attr.Key {
		case "type": // "security" or "access"
			kind = attr.Value.String()
		case "event":
			gap = attr.Value.String() == string(bulwark.AuditGap)
		case "rule": // of a gap: the kind of the missing records
			if gap {
				kind = attr.Value.String()
			}
		}
		return true
	})
	if kind != h.kind {
		return nil
	}
	return h.to.Handle(ctx, record)
}

func (h kindHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h kindHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return kindHandler{h.kind, h.to.WithAttrs(attrs)}
}
func (h kindHandler) WithGroup(name string) slog.Handler {
	return kindHandler{h.kind, h.to.WithGroup(name)}
}

// twoPlaces writes security events to one writer and requests to another, such
// as two files.
func twoPlaces(security, access io.Writer) audit.Config {
	return audit.Config{
		AccessLog: true,
		Sinks: []slog.Handler{
			kindHandler{"security", slog.NewJSONHandler(security, nil)},
			kindHandler{"access", slog.NewJSONHandler(access, nil)},
		},
	}
}

const placesGap = `
{"level":"ERROR","event":"audit_gap","reason":"audit.sink_failed","rule":"access","count":3}
`

// A brokenDisk fails until it is repaired.
type brokenDisk struct {
	repaired atomic.Bool
	wireLog
}

func (d *brokenDisk) Write(p []byte) (int, error) {
	if !d.repaired.Load() {
		return 0, errors.New("no space left on device")
	}
	return d.wireLog.Write(p)
}

func TestTwoPlaces(t *testing.T) {
	var security, access wireLog
	stack, err := bulwark.Chain(twoPlaces(&security, &access), bulwark.Edge{Hosts: []string{"api.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	server := wireServer(t, stack.Wrap(http.NotFoundHandler()))
	wireAsk(t, server.Client(), "GET", server.URL, "", "Host", "api.example.com")
	wireAsk(t, server.Client(), "GET", server.URL, "")
	wireClose(t, stack)
	for kind, place := range map[string]*wireLog{"security": &security, "access": &access} {
		for _, record := range place.records(t) {
			if record["type"] != kind {
				t.Errorf("a record of type %v is among those of type %s", record["type"], kind)
			}
		}
	}
	if n, m := len(security.records(t)), len(access.records(t)); n != 1 || m != 2 {
		t.Errorf("%d security events and %d requests, want 1 and 2", n, m)
	}
}

// The place whose disk was full says what it lacks, and the other does not.
func TestTwoPlacesAndAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var security wireLog
		var access brokenDisk
		stack, err := bulwark.Chain(twoPlaces(&security, &access), bulwark.Edge{Hosts: []string{"api.example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		handler := stack.Wrap(http.NotFoundHandler())
		ask := func() {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://api.example.com/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.RemoteAddr = "192.0.2.1:50000"
			handler.ServeHTTP(discardAnswer{http.Header{}}, r)
			synctest.Wait()
		}
		for range 3 {
			ask()
		}
		access.repaired.Store(true)
		time.Sleep(2 * time.Second)
		ask()
		time.Sleep(2 * time.Second)
		wireClose(t, stack)
		access.shows(t, placesGap)
		if strings.Contains(security.String(), "audit_gap") {
			t.Errorf("the other place lacks nothing:\n%s", &security)
		}
	})
}

// discardAnswer is a ResponseWriter for answers that nobody reads.
type discardAnswer struct{ header http.Header }

func (d discardAnswer) Header() http.Header         { return d.header }
func (d discardAnswer) Write(p []byte) (int, error) { return len(p), nil }
func (d discardAnswer) WriteHeader(int)             {}
