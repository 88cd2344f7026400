package guide

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// recorded is our way to log security events: every refusal inside is one.
func recorded(logger *slog.Logger, next http.Handler) (*bulwark.Stack, http.Handler, error) {
	stack, err := bulwark.Chain(audit.Config{Logger: logger})
	if err != nil {
		return nil, nil, err
	}
	return stack, stack.Wrap(next), nil
}

// reportPayload is our way to log what the application finds out itself.
func reportPayload(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.RawQuery, "%27%20OR%20") {
		bulwark.Report(r, bulwark.Event{Name: bulwark.MaliciousSQLi, Reason: "search", Status: http.StatusBadRequest})
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusBadRequest, Code: "search.query"})
	}
}

func TestLog(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	stack, handler, err := recorded(logger, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/search":
			reportPayload(w, r)
		case "/token":
			bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "test.token", Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid}})
		case "/admin":
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "test.admin"})
		case "/often":
			bulwark.Deny(w, r, &bulwark.Problem{Status: 429, Code: "test.often"})
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/token", "/admin", "/often", "/search?q=%27%20OR%20%271"} {
		r := httptest.NewRequest("GET", path, nil)
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: "your-api", Subject: "alice"}))
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if err := stack.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(log.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		names = append(names, record["event"].(string))
		for _, key := range []string{"type", "event", "timestamp", "ip", "userId", "path", "method"} {
			if record[key] == nil || record[key] == "" {
				t.Errorf("%s has no %s: %s", record["event"], key, line)
			}
		}
		if record["type"] != "security" || record["userId"] != "alice" || record["ip"] != "192.0.2.1" || record["level"] != "WARN" {
			t.Errorf("%s", line)
		}
		if strings.Contains(line, "OR") {
			t.Errorf("the record has the payload in it: %s", line)
		}
	}
	want := []string{"authn_token_invalid", "authz_fail", "excess_rate_limit_exceeded", "malicious_sqli", "input_validation_fail"}
	if !slices.Equal(names, want) {
		t.Errorf("events %v, want %v", names, want)
	}
}
