package audit_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

const (
	someTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	someSpan  = "00f067aa0ba902b7"
)

var traceparents = []struct {
	name, line string
	ok         bool
}{
	{"sampled", "00-" + someTrace + "-" + someSpan + "-01", true},
	{"not_sampled", "00-" + someTrace + "-" + someSpan + "-00", true},
	{"unknown_flags", "00-" + someTrace + "-" + someSpan + "-ff", true},
	{"later_version", "cc-" + someTrace + "-" + someSpan + "-01", true},
	{"later_version_with_more", "cc-" + someTrace + "-" + someSpan + "-01-what-comes", true},
	{"later_version_with_too_much", "cc-" + someTrace + "-" + someSpan + "-01-" + strings.Repeat("x", 300), false},
	{"later_version_run_on", "cc-" + someTrace + "-" + someSpan + "-01x", false},
	{"version_00_with_more", "00-" + someTrace + "-" + someSpan + "-01-what-comes", false},
	{"version_ff", "ff-" + someTrace + "-" + someSpan + "-01", false},
	{"version_in_capitals", "CC-" + someTrace + "-" + someSpan + "-01", false},
	{"trace_in_capitals", "00-" + strings.ToUpper(someTrace) + "-" + someSpan + "-01", false},
	{"span_in_capitals", "00-" + someTrace + "-" + strings.ToUpper(someSpan) + "-01", false},
	{"flags_in_capitals", "00-" + someTrace + "-" + someSpan + "-0A", false},
	{"trace_of_zeros", "00-" + strings.Repeat("0", 32) + "-" + someSpan + "-01", false},
	{"span_of_zeros", "00-" + someTrace + "-" + strings.Repeat("0", 16) + "-01", false},
	{"not_hexadecimal", "00-" + strings.Repeat("g", 32) + "-" + someSpan + "-01", false},
	{"shifted_dash", "00-" + someTrace[1:] + "-0" + someSpan + "-01", false},
	{"short", "00-" + someTrace + "-" + someSpan + "-0", false},
	{"space", " 00-" + someTrace + "-" + someSpan + "-01", false},
	{"empty", "", false},
	{"line_break", "00-" + someTrace[:30] + "\r\n-" + someSpan + "-01", false},
}

// traceOf returns the ids that the layer settles for a traceparent.
func traceOf(t testing.TB, line string) (traceID, spanID string) {
	m := build(t, audit.Config{Logger: slog.New(newLog())})
	r := request("GET", "/")
	r.Header["Traceparent"] = []string{line}
	m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		var e bulwark.Event
		scope.Describe(r, &e)
		traceID, spanID = e.TraceID, e.SpanID
	})).ServeHTTP(httptest.NewRecorder(), r)
	return traceID, spanID
}

func TestTraceparent(t *testing.T) {
	for _, test := range traceparents {
		t.Run(test.name, func(t *testing.T) {
			traceID, spanID := traceOf(t, test.line)
			switch {
			case test.ok && (traceID != someTrace || spanID != someSpan):
				t.Errorf("%q, %q", traceID, spanID)
			case !test.ok && (traceID != "" || spanID != ""):
				t.Errorf("%q, %q from %q", traceID, spanID, test.line)
			}
		})
	}
}

// grammar is the specification's, said another way.
var grammar = regexp.MustCompile(`^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-(?s:.)*)?)$`)

func FuzzTraceparent(f *testing.F) {
	for _, test := range traceparents {
		f.Add(test.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		traceID, spanID := traceOf(t, line)
		want := grammar.MatchString(line) && len(line) <= 256 && line[:2] != "ff" && (line[:2] != "00" || len(line) == 55) &&
			strings.Trim(line[3:35], "0") != "" && strings.Trim(line[36:52], "0") != ""
		if got := traceID != ""; got != want {
			t.Fatalf("%q taken %v, want %v", line, got, want)
		}
		if want && (traceID != line[3:35] || spanID != line[36:52]) {
			t.Errorf("%q, %q from %q", traceID, spanID, line)
		}
	})
}
