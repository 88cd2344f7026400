package documents_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A balancer asks for /health by the address of the process, or without a Host.
// Nothing else is served so.
func TestCaseRoot19Probes(t *testing.T) {
	s := start(t)
	for _, tt := range []struct {
		host, target string
		want         int
	}{
		{"10.1.2.3:8080", "/health", 200},
		{"[fd00::7]:8080", "/health", 200},
		{"", "/health", 200},
		{"api.example.com", "/health", 200},
		{"203.0.113.9", "/health", 421},
		{"evil.example", "/health", 421},
		{"10.1.2.3:8080", "/documents", 421},
		{"10.1.2.3:8080", "/", 421},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://x"+tt.target, nil)
		r.Host, r.URL.Host, r.URL.Scheme = tt.host, "", ""
		w := httptest.NewRecorder()
		s.app.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s of %q: %d, want %d", tt.target, tt.host, w.Code, tt.want)
		}
	}
}
