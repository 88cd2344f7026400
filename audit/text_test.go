package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/zaplog"
)

// injections are texts that forge a line, hide one, or break a reader.
var injections = []struct{ name, text, want string }{
	{"plain", "/documents/42", "/documents/42"},
	{"letters", "/café/日本", "/café/日本"},
	{"line_break", "/a\r\n{\"type\":\"security\"}", `/a\x0d\x0a{"type":"security"}`},
	{"line_feed", "a\n2026-01-01T00:00:00Z\tINFO\tsecurity event\t{}", `a\x0a2026-01-01T00:00:00Z\x09INFO\x09security event\x09{}`},
	{"nul", "a\x00b", `a\x00b`},
	{"escape_sequence", "a\x1b[2Kb", `a\x1b[2Kb`},
	{"delete", "a\x7fb", `a\x7fb`},
	{"c1_next_line", "a\u0085b", `a\u0085b`},
	{"c1_csi", "a\u009b2Kb", `a\u009b2Kb`},
	{"line_separator", "a\u2028b", `a\u2028b`},
	{"paragraph_separator", "a\u2029b", `a\u2029b`},
	{"bidi_override", "a\u202eb", `a\u202eb`},
	{"bidi_isolate", "a\u2066b\u2069", `a\u2066b\u2069`},
	{"bidi_marks", "a\u200e\u200f\u061c", `a\u200e\u200f\u061c`},
	{"invalid_utf8", "a\xff\xc3(", `a\xff\xc3(`},
	{"overlong", "a\xc0\xafb", `a\xc0\xafb`},
	{"surrogate", "a\xed\xa0\x80b", `a\xed\xa0\x80b`},
	{"quotes", `a"}{"b\`, `a"}{"b\\`},
	{"typed_escape", `a\x0ab`, `a\\x0ab`},
	{"zero_width", "ad\u200bmin", `ad\u200bmin`},
	{"filler", "a\u3164b", `a\u3164b`},
}

// eventOf says text in every way that an event can.
func eventOf(text string) bulwark.Event {
	return bulwark.Event{Name: bulwark.InputValidationFail, Issuer: text, UserID: text, Path: text, Route: text,
		RequestID: text, Reason: text, Rule: text,
		Attrs: [4]slog.Attr{slog.String("attr", text), slog.Any("error", fmt.Errorf("%s", text)), slog.String(text, "key"), slog.Any("secret", audit.NewSecret(text))}}
}

// clean reports whether a line, without its end, holds nothing that a terminal
// or a reader of lines takes for something else.
func clean(line string) bool {
	return utf8.ValidString(line) && !strings.ContainsFunc(line, func(c rune) bool {
		return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' || unicode.In(c, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
	})
}

func TestNoLogInjection(t *testing.T) {
	for _, test := range injections {
		t.Run(test.name, func(t *testing.T) {
			asJSON, asText := newLog(), new(bytes.Buffer)
			console, zapJSON := new(bytes.Buffer), new(bytes.Buffer)
			zapTo := func(out *bytes.Buffer, enc zapcore.Encoder) slog.Handler {
				return zaplog.New(zap.New(zapcore.NewCore(enc, zapcore.AddSync(out), zapcore.DebugLevel)))
			}
			m := build(t, audit.Config{AccessLog: true, AccessHeaders: []string{"X-Text"}, Sinks: []slog.Handler{asJSON, slog.NewTextHandler(asText, nil),
				zapTo(console, zapcore.NewConsoleEncoder(zap.NewProductionEncoderConfig())), zapTo(zapJSON, zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()))}})
			h := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Report(r, eventOf(test.text)) }))
			r := request("GET", "/")
			r.URL.Path = test.text
			r.Header["X-Text"] = []string{test.text}
			r.Method = "G" + test.text
			h.ServeHTTP(httptest.NewRecorder(), r)
			m.Record(t.Context(), eventOf(test.text)) // outside of what Report makes safe
			drain(t, m)

			got := asJSON.records(t)
			if len(got) != 3 {
				t.Fatalf("%s", asJSON)
			}
			for _, record := range of(got, "type", "security") {
				for _, key := range []string{"issuer", "userId", "path", "route", "requestId", "reason", "rule", "attr", "error"} {
					if record[key] != test.want {
						t.Errorf("%s is %q, want %q", key, record[key], test.want)
					}
				}
				if record["secret"] != "[redacted]" {
					t.Errorf("secret is %q", record["secret"])
				}
			}
			access := of(got, "type", "access")[0]
			if access["path"] != test.want || access["method"] != "_OTHER" || access["headers"].(map[string]any)["x-text"] != test.want {
				t.Errorf("%v", access)
			}
			for name, out := range map[string]string{"json": asJSON.String(), "text": asText.String(), "console": console.String(), "zap": zapJSON.String()} {
				lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
				if len(lines) != 3 {
					t.Errorf("%s: %d lines for 3 records: %q", name, len(lines), out)
				}
				for _, line := range lines {
					if name == "console" {
						line = strings.ReplaceAll(line, "\t", "") // its own separator
					}
					if !clean(line) {
						t.Errorf("%s: %q", name, line)
					}
				}
			}
		})
	}
}

func TestLongTextsAreCut(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out)})
	for _, long := range []string{strings.Repeat("a", 100_000), strings.Repeat("é", 100_000), strings.Repeat("\n", 100_000)} {
		m.Record(t.Context(), eventOf(long))
	}
	drain(t, m)
	for _, record := range out.records(t) {
		for key, value := range record {
			if text, ok := value.(string); ok && len(text) > 256 || len(key) > 70 {
				t.Errorf("%s has %d bytes", key, len(text))
			}
		}
	}
}

// FuzzEvent says that no text breaks out of its line and its value.
func FuzzEvent(f *testing.F) {
	for _, test := range injections {
		f.Add(test.text)
	}
	f.Add(`\:&/`) // what looks like a port may be a part of a password
	f.Fuzz(func(t *testing.T, text string) {
		asJSON, console := newLog(), new(bytes.Buffer)
		m, err := audit.New(audit.Config{Sinks: []slog.Handler{asJSON,
			zaplog.New(zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(console), zapcore.DebugLevel)))}})
		if err != nil {
			t.Fatal(err)
		}
		e := eventOf(text)
		e.Name, e.Method = bulwark.EventName(text), text
		m.Record(t.Context(), e)
		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, line := range map[string]string{"json": asJSON.String(), "console": strings.ReplaceAll(console.String(), "\t", "")} {
			if line, ok := strings.CutSuffix(line, "\n"); !ok || !clean(line) {
				t.Errorf("%s: %q", name, line)
			}
		}
		var record map[string]any
		if err := json.Unmarshal([]byte(asJSON.String()), &record); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"userId", "rule", "attr"} {
			// The attribute may be a URL, of which a part is not shown. Where it
			// has "&" alone, it is one only with a slash of some kind.
			mayBeURL := strings.ContainsAny(text, "?#@%;") || strings.Contains(text, "&") && strings.ContainsAny(text, `/\`)
			if key == "attr" && mayBeURL {
				continue
			}
			want := strings.ReplaceAll(text, `\`, `\\`)
			if got, _ := record[key].(string); len(got) > 256 || clean(text) && len(want) <= 256 && got != want {
				t.Errorf("%s is %q for %q", key, got, text)
			}
		}
	})
}

// The lists of a counted record hold text as the records of its own do, once
// escaped, however the events came.
func TestCaseAudit6TextInLists(t *testing.T) {
	for _, injected := range injections {
		for name, record := range map[string]func(m *audit.Middleware, e bulwark.Event){
			"recorded": func(m *audit.Middleware, e bulwark.Event) { m.Record(t.Context(), e) },
			"reported": func(m *audit.Middleware, e bulwark.Event) {
				m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { bulwark.Report(r, e) })).
					ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
			},
		} {
			t.Run(injected.name+"_"+name, func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out), MaxOneByOne: 1})
				for _, path := range []string{"/first", "/second", injected.text} {
					record(m, bulwark.Event{Name: bulwark.InputValidationFail, Level: slog.LevelWarn, Time: time.Now(), Path: path, Reason: path, Method: "GET"})
				}
				drain(t, m)
				counted := of(out.records(t), "count", 2.0)
				if len(counted) != 1 {
					t.Fatalf("records %s", out)
				}
				for _, list := range []string{"paths", "reasons"} {
					want := fmt.Sprint([]any{map[string]any{"value": "/second", "count": 1.0}, map[string]any{"value": injected.want, "count": 1.0}})
					if got := fmt.Sprint(counted[0][list]); got != want {
						t.Errorf("%s is %s, want %s", list, got, want)
					}
				}
			})
		}
	}
}
