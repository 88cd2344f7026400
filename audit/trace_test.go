package audit_test

import (
	"context"
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

// The service's own span is named where there is one, and the caller's ids
// otherwise.
func TestCaseAudit7Trace(t *testing.T) {
	type span struct{ trace, id string }
	type key struct{}
	trace := func(ctx context.Context) (traceID, spanID string) {
		s, _ := ctx.Value(key{}).(span)
		if s.trace == "panic" {
			panic("boom")
		}
		return s.trace, s.id
	}
	in := func(r *http.Request, s span) *http.Request {
		return r.WithContext(context.WithValue(r.Context(), key{}, s))
	}
	own := span{strings.Repeat("a1", 16), strings.Repeat("b2", 8)}
	child := span{own.trace, strings.Repeat("c3", 8)}
	theirs := span{someTrace, someSpan}
	for _, test := range []struct {
		name           string
		outside        span // of a tracing layer around audit
		inside         span // of one between audit and the handler
		header         bool
		event, request span
	}{
		{"nothing", span{}, span{}, false, span{}, span{}},
		{"header_alone", span{}, span{}, true, theirs, theirs},
		{"span_alone", own, span{}, false, own, own},
		{"span_and_header", own, span{}, true, own, own},
		{"span_inside", span{}, child, false, child, span{}},
		{"span_inside_and_header", span{}, child, true, child, theirs},
		{"both", own, child, true, child, own},
		{"zeros", span{strings.Repeat("0", 32), strings.Repeat("0", 16)}, span{}, true, theirs, theirs},
		{"short", span{"a1", "b2"}, span{}, true, theirs, theirs},
		{"capitals", span{strings.ToUpper(own.trace), own.id}, span{}, true, theirs, theirs},
		{"no_span_id", span{own.trace, ""}, span{}, true, theirs, theirs},
		{"forged_line", span{strings.Repeat("a", 31) + "\n", own.id}, span{}, false, span{}, span{}},
		{"panics", span{"panic", ""}, span{}, true, theirs, theirs},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, seen := newLog(), new(spy)
			m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true, Trace: trace, Observers: []bulwark.Recorder{seen}})
			r := request("GET", "/")
			if test.header {
				r.Header.Set("Traceparent", "00-"+someTrace+"-"+someSpan+"-01")
			}
			if test.outside != (span{}) {
				r = in(r, test.outside)
			}
			m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.inside != (span{}) {
					r = in(r, test.inside)
				}
				bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "test.no"})
			})).ServeHTTP(httptest.NewRecorder(), r)
			drain(t, m)
			if e := seen.events[0]; e.TraceID != test.event.trace || e.SpanID != test.event.id {
				t.Errorf("observers see %s %s", e.TraceID, e.SpanID)
			}
			got := out.records(t)
			for kind, want := range map[string]span{"security": test.event, "access": test.request} {
				record := of(got, "type", kind)
				if len(record) != 1 {
					t.Fatalf("%s", out)
				}
				traceID, _ := record[0]["traceId"].(string)
				spanID, _ := record[0]["spanId"].(string)
				if (span{traceID, spanID}) != want {
					t.Errorf("%s: %s %s, want %v", kind, traceID, spanID, want)
				}
			}
		})
	}
}
