package bulwark_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// The path of an event is that of the request line, as in the access record.
func TestCaseRoot14PathAsItCame(t *testing.T) {
	deny := refusing(bulwark.Problem{Status: 403, Code: "a.b"})
	rewriting := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner := *r
			inner.URL = &url.URL{Path: "/internal"}
			next.ServeHTTP(w, &inner)
		})
	}
	byContext := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		bulwark.ReportContext(r.Context(), nil, bulwark.Event{Name: bulwark.AuthzFail, Reason: "a.b", Status: 403})
	})
	for name, h := range map[string]http.Handler{
		"strip":       http.StripPrefix("/api/v1", deny),
		"strip_twice": http.StripPrefix("/api", http.StripPrefix("/v1", deny)),
		"rewrite":     rewriting(deny),
		"identified":  http.StripPrefix("/api/v1", as(alice()).Wrap(deny)),
		"context":     http.StripPrefix("/api/v1", byContext),
		"reported": http.StripPrefix("/api/v1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Reason: "a.b"})
		})),
		"mux_and_more": muxOf(http.StripPrefix("/api", http.StripPrefix("/v1", deny))),
	} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			rec.Wrap(h).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/admin", nil))
			if events := rec.Take(); len(events) != 1 || events[0].Path != "/api/v1/admin" || events[0].Reason != "a.b" {
				t.Errorf("%+v", events)
			}
		})
	}
	t.Run("sub-request", func(t *testing.T) {
		_, events := answered(func(_ http.ResponseWriter, r *http.Request) {
			bulwark.Deny(httptest.NewRecorder(), httptest.NewRequestWithContext(r.Context(), "GET", "/part", nil), &bulwark.Problem{Status: 403, Code: "a.b"})
		}, nil)
		if len(events) != 1 || events[0].Path != "/part" {
			t.Errorf("%+v", events)
		}
	})
	t.Run("chosen", func(t *testing.T) {
		_, events := answered(func(_ http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Path: "/own"})
		}, nil)
		if len(events) != 1 || events[0].Path != "/own" {
			t.Errorf("%+v", events)
		}
	})
}

func muxOf(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", h)
	return mux
}

// Nothing hides in a text, and no escape can be typed.
func TestCaseRoot15NothingHides(t *testing.T) {
	for text, want := range map[string]string{
		"ad\u200bmin": `ad\u200bmin`, "ad\u00admin": `ad\u00admin`, "\ufeffadmin": `\ufeffadmin`, "admin\u3164": `admin\u3164`,
		"a\U000e0041b": `a\U000e0041b`, "a\ufe0fb": `a\ufe0fb`, "a\u2066b": `a\u2066b`, "a\nb": `a\x0ab`,
		`a\x0ab`: `a\\x0ab`, `a\u200bb`: `a\\u200bb`, `\`: `\\`, `C:\Users`: `C:\\Users`, "Größe": "Größe",
	} {
		e := bulwark.Event{Name: bulwark.AuthzFail, Issuer: text, UserID: text, Path: text, Route: text, Reason: text, Rule: text, RequestID: text,
			Attrs: [4]slog.Attr{slog.String("a", text), slog.Any("b", errors.New(text)), slog.String(text, "x"), slog.Group("g", slog.String("k", text))}}
		e.Sanitize()
		for range 3 { // whoever hands it on may do it again
			for field, got := range map[string]string{"Issuer": e.Issuer, "UserID": e.UserID, "Path": e.Path, "Route": e.Route, "Reason": e.Reason,
				"Rule": e.Rule, "RequestID": e.RequestID, "string": e.Attrs[0].Value.String(), "error": e.Attrs[1].Value.String(), "key": e.Attrs[2].Key} {
				if got != want {
					t.Errorf("%s of %q is %q, want %q", field, text, got, want)
				}
			}
			if !strings.Contains(e.Attrs[3].Value.String(), want) {
				t.Errorf("in a group: %q", e.Attrs[3].Value)
			}
			e.Sanitize()
		}
		e.Rule, e.Attrs[0] = "new\u200b", slog.String("a", `new\x0a`) // by a recorder in between
		e.Sanitize()
		if e.Rule != `new\u200b` || e.Attrs[0].Value.String() != `new\\x0a` || e.UserID != want {
			t.Errorf("%q, %v, %q", e.Rule, e.Attrs[0], e.UserID)
		}
	}
	if got := (&bulwark.ConfigError{Field: "a.B", Value: "x\u200b\\n", Reason: "is wrong"}).Error(); got != `a.B: x\u200b\\n: is wrong` {
		t.Errorf("%q", got)
	}
}

// What is written is escaped once, though recorder and sink both see to it.
func TestCaseRoot15InTheRecord(t *testing.T) {
	var out strings.Builder
	layer := bulwark.Must(audit.New(audit.Config{Logger: slog.New(slog.NewTextHandler(&out, nil))}))
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.Path = "/a\u200b\\"
	layer.Wrap(refusing(bulwark.Problem{Status: 403, Code: "a.b"})).ServeHTTP(httptest.NewRecorder(), r)
	layer.Close()
	if want := `path=/a\u200b\\ `; !strings.Contains(strings.ReplaceAll(out.String(), `"`, ""), want) {
		t.Errorf("%s, want %s", out.String(), want)
	}
}

// blunt is an error that does not say what it wraps.
type blunt struct{ error }

func (b blunt) Error() string { return "blunt: " + b.error.Error() }
func (blunt) Unwrap() error   { return nil }

type frightened struct{}

func (frightened) Error() string { panic("S3CRET") }

// The queries of URLs do not get into the log, however deep they stand.
func TestCaseRoot16SecretsOfURLs(t *testing.T) {
	at := func(text string) error { return &url.Error{Op: "Get", URL: text, Err: errors.New("dial tcp: refused")} }
	_, real := http.Get("https://user:S3CRET@login.example.invalid:0/token?client_secret=S3CRET")
	port := ":port"
	_, unparsed := url.Parse("https://login.example.com" + port + "/token?client_secret=S3CRET")
	for name, err := range map[string]error{
		"plain":              at("https://login.example.com/token?client_secret=S3CRET"),
		"wrapped":            fmt.Errorf("ask: %w", fmt.Errorf("again: %w", at("https://login.example.com/token?client_secret=S3CRET"))),
		"joined":             errors.Join(errors.New("one"), at("https://login.example.com/token?client_secret=S3CRET"), at("https://login.example.com/other?S3CRET")),
		"two_verbs":          fmt.Errorf("%w and %w", errors.New("one"), at("https://login.example.com/token?a=S3CRET")),
		"nested":             at("https://login.example.com/token?" + "a=S3CRET"),
		"relative":           fmt.Errorf("ask: %w", at("/login.example.com/token?code=S3CRET")),
		"quoted":             at(`https://login.example.com/token?a="S3CRET" S3CRET`),
		"fragment":           at("https://login.example.com/cb#access_token=S3CRET"),
		"user":               at("https://S3CRET:S3CRET@login.example.com/token"),
		"in_itself":          &url.Error{Op: "Post", URL: "https://login.example.com/a?S3CRET", Err: at("https://login.example.com/b?S3CRET")},
		"flattened":          fmt.Errorf("ask: %v", at("https://login.example.com/token?client_secret=S3CRET")),
		"blunt":              blunt{at("https://login.example.com/token?client_secret=S3CRET")},
		"dsn":                errors.New("cannot connect to postgres://app:S3CRET@login.example.com:5432/documents?password=S3CRET: timeout"),
		"flattened_relative": fmt.Errorf("ask: %v at login.example", at("/token?client_secret=S3CRET")),
		"two_in_one":         errors.New("tried https://login.example.com/a,https://app:S3CRET@login.example.org/b and //login"),
		"two_hosts":          errors.New("mongodb://login.example.com,app://u:S3CRET@h:1,v:S3CRET@i:2/db"),
		"slash":              fmt.Errorf("ask: %v", at("postgres://app:S3C/S3CRET@login.example.com/documents")),
		"question":           fmt.Errorf("login.example: %v", at("postgres://app:S3CRET?S3CRET@login.example.com/documents")),
		"parameter":          at("https://login.example.com/token;client_secret=S3CRET/a"),
		"problem":            &bulwark.Problem{Status: 502, Code: "a.b", Err: at("https://login.example.com/token?client_secret=S3CRET")},
		"real":               real, "unparsed": unparsed,
		"panic": frightened{},
	} {
		t.Run(name, func(t *testing.T) {
			_, events := answered(func(w http.ResponseWriter, r *http.Request) {
				bulwark.Report(r, bulwark.Event{Name: bulwark.SysUnavailable, Attrs: [4]slog.Attr{slog.Any("error", err), slog.Group("g", slog.Any("error", err))}})
				bulwark.Deny(w, r, err)
			}, nil)
			if len(events) != 2 {
				t.Fatalf("%+v", events)
			}
			text := fmt.Sprint(events[0].Attrs, events[1].Attrs, (&bulwark.Problem{Code: "a.b", Err: err}).Error())
			if strings.Contains(text, "S3CRET") || name != "panic" && !strings.Contains(text, "login.example") {
				t.Errorf("%s", text)
			}
		})
	}
	kept := errors.New("select * from t where a = 'b?c#d@e//f': https://docs.example.com/errors/42")
	_, events := answered(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, kept) }, nil)
	if text := fmt.Sprint(events[0].Attrs); !strings.Contains(text, kept.Error()) {
		t.Errorf("%s", text)
	}
}
