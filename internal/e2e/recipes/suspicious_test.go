package recipes

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/sanitize"
)

func watched(create http.Handler) (http.Handler, error) {
	watch, err := sanitize.New(sanitize.Config{
		Detect:       sanitize.DetectReport,
		DetectExcept: []string{"/snippets/*/code"}, // code on purpose
	})
	if err != nil {
		return nil, err
	}
	return watch.Wrap(create), nil
}

const suspiciousRecord = `
{"level":"WARN","msg":"security event","type":"security","event":"malicious_sqli","path":"/notes","method":"POST","reason":"sanitize.suspicious","rule":"sqli","in":"body","pointer":"/author","fingerprint":"s&sos","action":"reported"}
`

func TestSuspicious(t *testing.T) {
	text := new(wireLog)
	stack, err := bulwark.Chain(audit.Config{Logger: slog.New(slog.NewJSONHandler(text, nil))}, bulwark.Edge{Hosts: []string{"api.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := watched(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusCreated) }))
	if err != nil {
		t.Fatal(err)
	}
	handler = stack.Wrap(handler)
	for _, body := range []string{
		`{"title":"O'Brien & Sons","snippets":[{"code":"SELECT * FROM users; --"}]}`,
		`{"title":"O'Brien & Sons","author":"canary' OR '1'='1"}`,
	} {
		r := httptest.NewRequest("POST", "http://api.example.com/notes", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	wireClose(t, stack)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	var got, want map[string]any
	if len(lines) != 1 || json.Unmarshal([]byte(lines[0]), &got) != nil {
		t.Fatalf("the log is %q", lines)
	}
	if err := json.Unmarshal([]byte(suspiciousRecord), &want); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
	if strings.Contains(text.String(), "canary") {
		t.Errorf("a value is in the log: %s", text)
	}
}
