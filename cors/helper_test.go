package cors_test

import (
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
)

// guide is the configuration that the tests of the protocol use.
var guide = cors.Config{
	Origins:     []string{"https://app.example.com", "https://*.apps.example.com:8443", "http://localhost:3000"},
	Methods:     []string{"GET", "POST", "PUT", "DELETE"},
	Headers:     []string{"Content-Type", "Authorization"},
	Expose:      []string{"X-Total-Count"},
	Credentials: true,
	MaxAge:      24 * time.Hour,
}

func with(c cors.Config, change func(*cors.Config)) cors.Config {
	change(&c)
	return c
}

// exchange is a request through the layer, and what came of it.
type exchange struct {
	method  string
	host    string // example.com if empty
	header  http.Header
	base    string // Edge.BaseURL
	ran     bool
	w       *httptest.ResponseRecorder
	events  []bulwark.Event
	handler http.HandlerFunc
}

func (x *exchange) through(t *testing.T, c cors.Config) *exchange {
	t.Helper()
	m, err := cors.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var rec bulwarktest.Recorder
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.ran = true
		if x.handler != nil {
			x.handler(w, r)
		}
	})
	stack := bulwark.Must(bulwark.Chain(&rec, m))
	if x.base != "" {
		stack = bulwark.Must(bulwark.Chain(bulwark.Edge{InsecureAnyHost: true, BaseURL: x.base}, &rec, m))
	}
	r := httptest.NewRequest(x.method, "/documents", nil)
	if x.host != "" {
		r.Host = x.host
	}
	maps.Copy(r.Header, x.header)
	x.w = httptest.NewRecorder()
	stack.Wrap(next).ServeHTTP(x.w, r)
	delete(x.w.Header(), "X-Request-Id")
	x.events = rec.Take()
	return x
}

// access returns the CORS headers of the answer, one to a line, and Vary.
func (x *exchange) access() (headers, vary string) {
	var lines []string
	for name, values := range x.w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			lines = append(lines, strings.TrimPrefix(name, "Access-Control-")+": "+strings.Join(values, "|"))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), strings.Join(x.w.Header()["Vary"], ", ")
}

// refused asserts a refusal by all that the client and the log see.
func (x *exchange) refused(t *testing.T, status int, code string) {
	t.Helper()
	if x.ran {
		t.Error("the next handler ran")
	}
	if x.w.Code != status || x.w.Header().Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(x.w.Body.String(), `"type":"about:blank"`) || // whose title is the status text, RFC 9457 section 4.2.1
		!strings.Contains(x.w.Body.String(), `"title":"`+http.StatusText(status)+`"`) ||
		!strings.Contains(x.w.Body.String(), `"code":"`+code+`"`) {
		t.Errorf("answer is %d %s %s, want %d %s", x.w.Code, x.w.Header().Get("Content-Type"), x.w.Body, status, code)
	}
	if strings.Contains(x.w.Body.String(), "evil") {
		t.Errorf("the answer echoes what was sent: %s", x.w.Body)
	}
	headers, vary := x.access()
	if headers != "" {
		t.Errorf("a refusal carries %s", headers)
	}
	if !strings.Contains(vary, "Origin") {
		t.Errorf("Vary is %q", vary)
	}
	x.reported(t, code)
}

// reported asserts the one event of a refusal.
func (x *exchange) reported(t *testing.T, code string) {
	t.Helper()
	if len(x.events) != 1 || x.events[0].Name != bulwark.MaliciousCORS || x.events[0].Reason != code {
		t.Errorf("events are %+v, want one malicious_cors for %s", x.events, code)
		return
	}
	// The log says what was wanted, and which field changes it.
	field := map[string]string{
		"cors.origin": "cors.Config.Origins", "cors.method": "cors.Config.Methods (GET", "cors.header": "cors.Config.Headers (",
		"cors.ambiguous": "one line each of Origin and Access-Control-Request-Method",
	}[code]
	if !slices.ContainsFunc(x.events[0].Attrs[:], func(a slog.Attr) bool { return a.Key == "error" && strings.Contains(a.Value.String(), field) }) {
		t.Errorf("attributes are %v, want an error that names %s", x.events[0].Attrs, field)
	}
}

func preflight(origin, method string, headers ...string) http.Header {
	h := http.Header{"Origin": {origin}, "Access-Control-Request-Method": {method}}
	if len(headers) > 0 {
		h["Access-Control-Request-Headers"] = headers
	}
	return h
}
