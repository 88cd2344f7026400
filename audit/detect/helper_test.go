package detect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
)

// Detectors without an audit layer report to slog.Default.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func ctxOf() context.Context { return context.Background() }

func made(t testing.TB, c detect.Config) *detect.Detector {
	t.Helper()
	d, err := detect.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// anomalies collects what OnAnomaly is told.
type anomalies struct {
	mu  sync.Mutex
	all []detect.Anomaly
}

func (a *anomalies) add(_ context.Context, one detect.Anomaly) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, one)
}

// rules are the rules of the anomalies so far.
func (a *anomalies) rules() []detect.Rule {
	a.mu.Lock()
	defer a.mu.Unlock()
	var rules []detect.Rule
	for _, one := range a.all {
		rules = append(rules, one.Rule)
	}
	return rules
}

// events are what a Detector gets from the audit layer.
func failure(d *detect.Detector, ip, account string) bulwark.Event {
	e := bulwark.Event{Name: bulwark.AuthnLoginFail, Status: 401, ClientIP: netip.MustParseAddr(ip), Method: "POST", Path: "/login", Route: "POST /login"}
	e.Attrs[0] = d.Account(account)
	return e
}

func success(d *detect.Detector, account string) bulwark.Event {
	e := bulwark.Event{Name: bulwark.AuthnLoginSuccess, ClientIP: netip.MustParseAddr("192.0.2.99"), Issuer: "https://login.example.com", UserID: "u-1"}
	e.Attrs[0] = d.Account(account)
	return e
}

func object(user, path string) bulwark.Event {
	return bulwark.Event{Name: bulwark.AuthzFail, Status: 404, ClientIP: netip.MustParseAddr("192.0.2.1"), Issuer: "https://login.example.com", UserID: user,
		Method: "GET", Path: path, Route: "GET /documents/{id}"}
}

func nowhere(ip, path string) bulwark.Event {
	return bulwark.Event{Name: bulwark.InputValidationFail, Status: 404, ClientIP: netip.MustParseAddr(ip), Method: "GET", Path: path}
}

// lines is a writer whose lines are JSON.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// layer is an audit layer that the Detector observes. The function returned
// drains it and gives its records.
func layer(t *testing.T, d *detect.Detector) (*audit.Middleware, func() []map[string]any) {
	t.Helper()
	out := new(lines)
	m, err := audit.New(audit.Config{Logger: slog.New(slog.NewJSONHandler(out, nil)), Observers: []bulwark.Recorder{d}})
	if err != nil {
		t.Fatal(err)
	}
	return m, func() []map[string]any {
		t.Helper()
		if err := m.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		out.mu.Lock()
		defer out.mu.Unlock()
		var records []map[string]any
		for line := range bytes.Lines(out.Bytes()) {
			var record map[string]any
			if err := json.Unmarshal(line, &record); err != nil {
				t.Fatal(err)
			}
			records = append(records, record)
		}
		return records
	}
}

// own keeps the records of the Detector.
func own(records []map[string]any) []map[string]any {
	var kept []map[string]any
	for _, record := range records {
		if reason, _ := record["reason"].(string); len(reason) > 7 && reason[:7] == "detect." {
			kept = append(kept, record)
		}
	}
	return kept
}
