package bulwark_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/internal/response"
)

// checkProblem asserts what every refusal has, and returns its body.
func checkProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) map[string]any {
	t.Helper()
	h := w.Header()
	if w.Code != status || h.Get("Content-Type") != "application/problem+json" ||
		h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("status %d, header %v, want a problem with %d", w.Code, h, status)
	}
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	if body["code"] != code || body["status"] != float64(status) || body["title"] == "" || body["type"] == "" {
		t.Errorf("body %v, want code %s", body, code)
	}
	if instance, _ := body["instance"].(string); !strings.HasPrefix(instance, "urn:") {
		t.Errorf("instance %v", body["instance"])
	}
	return body
}

// deny refuses a request and returns the answer and the events.
func deny(method string, err error, prepare func(http.ResponseWriter, *http.Request)) (*httptest.ResponseRecorder, []bulwark.Event) {
	var rec bulwarktest.Recorder
	w := httptest.NewRecorder()
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if prepare != nil {
			prepare(w, r)
		}
		bulwark.Deny(w, r, err)
	})).ServeHTTP(w, httptest.NewRequest(method, "/documents/1?token=secret", nil))
	return w, rec.Take()
}

func TestDenyFillsInWhatIsLeftOpen(t *testing.T) {
	cause := errors.New("disk on fire at /var/lib")
	tests := []struct {
		name   string
		err    error
		status int
		code   string
		event  bulwark.EventName
		reason string
	}{
		{"nil", nil, 500, "internal.error", bulwark.SysUnavailable, "internal.error"},
		{"opaque", cause, 500, "internal.error", bulwark.SysUnavailable, "internal.error"},
		{"wrapped", fmt.Errorf("reading: %w", &bulwark.Problem{Status: 403, Code: "a.b", Err: cause}), 403, "a.b", bulwark.AuthzFail, "a.b"},
		{"typed nil", (*bulwark.Problem)(nil), 500, "internal.error", bulwark.SysUnavailable, "internal.error"},
		{"config", &bulwark.ConfigError{Field: "ratelimit(x).Rate", Value: "secret"}, 500, "ratelimit.unconfigured", bulwark.SysUnavailable, "ratelimit.unconfigured"},
		{"typed nil config", (*bulwark.ConfigError)(nil), 500, "internal.error", bulwark.SysUnavailable, "internal.error"},
		{"config without field", &bulwark.ConfigError{}, 500, "bulwark.unconfigured", bulwark.SysUnavailable, "bulwark.unconfigured"},
		{"too large", fmt.Errorf("body: %w", &http.MaxBytesError{Limit: 10}), 413, "body.too_large", bulwark.InputValidationFail, "body.too_large"},
		{"no code", &bulwark.Problem{Status: 418}, 418, "problem.status_418", bulwark.InputValidationFail, "problem.status_418"},
		{"no refusal", &bulwark.Problem{Status: 200, Code: "a.b"}, 500, "a.b", bulwark.SysUnavailable, "a.b"},
		{"limited", &bulwark.Problem{Status: 429, Code: "a.b"}, 429, "a.b", bulwark.ExcessRateLimitExceeded, "a.b"},
		{"exact", &bulwark.Problem{Status: 401, Code: "auth.invalid_token", Log: bulwark.ProblemLog{Reason: "expired", Event: bulwark.AuthnTokenInvalid}}, 401, "auth.invalid_token", bulwark.AuthnTokenInvalid, "expired"},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			w, events := deny("GET", test.err, nil)
			checkProblem(t, w, test.status, test.code)
			if strings.Contains(w.Body.String(), "fire") || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("the cause reached the client: %s", w.Body)
			}
			if len(events) != 1 || events[0].Name != test.event || events[0].Reason != test.reason || events[0].Status != test.status {
				t.Errorf("events %+v", events)
			}
		})
	}
}

func TestDenyHeaders(t *testing.T) {
	t.Run("401_offers_the_challenges_of_the_chain", func(t *testing.T) {
		w, _ := deny("GET", &bulwark.Problem{Status: 401, Code: "a.b"}, func(_ http.ResponseWriter, r *http.Request) {
			_, s := bulwark.Enter(r)
			s.SetChallenges([]bulwark.Challenge{{Scheme: "Bearer", Params: [][2]string{{"realm", `a"b\c` + "\n"}, {"error", "x"}}}, {Scheme: "ApiKey"}})
		})
		got := w.Header()["Www-Authenticate"]
		if len(got) != 2 || got[0] != `Bearer realm="a\"b\\c", error="x"` || got[1] != "ApiKey" {
			t.Errorf("%q", got)
		}
	})
	t.Run("challenges_stay_apart", func(t *testing.T) {
		w, _ := deny("GET", &bulwark.Problem{Status: 401, Code: "a.b", Challenges: []bulwark.Challenge{
			{Scheme: "Bear,er\r\n x", Params: [][2]string{{"a=\"b\", Basic realm", "c"}, {"", "c"}, {"realm", "\"\\\u200b\x7f"}}}}}, nil)
		if got := w.Header()["Www-Authenticate"]; len(got) != 1 || got[0] != `Bearerx realm="\"\\`+"\u200b"+`"` {
			t.Errorf("%q", got)
		}
	})
	t.Run("401_without_a_chain_is_Bearer", func(t *testing.T) {
		w, _ := deny("GET", &bulwark.Problem{Status: 401, Code: "a.b"}, nil)
		if got := w.Header()["Www-Authenticate"]; len(got) != 1 || got[0] != "Bearer" {
			t.Errorf("%q", got)
		}
	})
	t.Run("403_carries_only_its_own_challenge", func(t *testing.T) {
		w, _ := deny("GET", &bulwark.Problem{Status: 403, Code: "a.b"}, func(_ http.ResponseWriter, r *http.Request) {
			_, s := bulwark.Enter(r)
			s.SetChallenges([]bulwark.Challenge{{Scheme: "Bearer"}})
		})
		if got := w.Header()["Www-Authenticate"]; got != nil {
			t.Errorf("%q", got)
		}
		w, _ = deny("GET", &bulwark.Problem{Status: 403, Code: "a.b", Challenges: []bulwark.Challenge{{Scheme: "Bearer"}}}, nil)
		if got := w.Header()["Www-Authenticate"]; len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
	t.Run("Retry-After_is_never_early", func(t *testing.T) {
		for wait, want := range map[time.Duration]string{0: "1", -time.Second: "1", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Hour: "3600", math.MaxInt64: "9223372037"} {
			for _, status := range []int{429, 503} {
				if w, _ := deny("GET", &bulwark.Problem{Status: status, Code: "a.b", RetryAfter: wait}, nil); w.Header().Get("Retry-After") != want {
					t.Errorf("%v: %q", wait, w.Header().Get("Retry-After"))
				}
			}
		}
	})
	t.Run("of_the_problem", func(t *testing.T) {
		p := &bulwark.Problem{Status: 405, Code: "a.b", Header: http.Header{"Allow": {"GET, HEAD"}}}
		w, _ := deny("GET", p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Cache-Control", "public")
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
		})
		h := w.Header()
		if h.Get("Allow") != "GET, HEAD" || h.Get("Content-Encoding") != "" || h.Get("ETag") != "" ||
			h.Get("Cache-Control") != "no-store" || h.Get("Content-Security-Policy") == "" {
			t.Errorf("%v", h)
		}
		w.Header()["Allow"][0] = "poisoned"
		if p.Header.Get("Allow") != "GET, HEAD" {
			t.Error("responses share a slice with the problem")
		}
	})
	t.Run("HEAD_has_no_body", func(t *testing.T) {
		w, _ := deny("HEAD", &bulwark.Problem{Status: 404, Code: "a.b"}, nil)
		if w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
			t.Errorf("body %q, header %v", w.Body, w.Header())
		}
	})
}

func TestDenyBody(t *testing.T) {
	w, _ := deny("POST", &bulwark.Problem{
		Status: 422, Code: "validate.invalid", Detail: "Correct the fields below.",
		Errors:     []bulwark.FieldError{{Pointer: "/name", In: "body", Code: "min_length", Params: map[string]any{"limit": 1}, Detail: "Too short."}},
		Extensions: map[string]any{"violated-policies": []string{"api"}, "status": 200, "code": "forged", "detail": "forged", "errors": "forged"},
	}, nil)
	body := checkProblem(t, w, 422, "validate.invalid")
	if body["detail"] != "Correct the fields below." || fmt.Sprint(body["violated-policies"]) != "[api]" ||
		fmt.Sprint(body["errors"]) != "[map[code:min_length detail:Too short. in:body params:map[limit:1] pointer:/name]]" {
		t.Errorf("%v", body)
	}

	w, _ = deny("POST", &bulwark.Problem{Status: 422, Code: "a.b", Extensions: map[string]any{"bad": func() {}}}, nil)
	checkProblem(t, w, 422, "a.b")
}

func TestDenyReportsOncePerReason(t *testing.T) {
	var rec bulwarktest.Recorder
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "a.b"})
		}
		bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "a.c"})
		for range 2 {
			bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginFail})
		}
		for i := range 6 {
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: fmt.Sprint("d.", i)})
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if events := rec.Take(); len(events) != 10 {
		t.Errorf("%d events, want 1 + 1 + 2 + 6", len(events))
	}
}

// A bad cookie counts as none; the 401 that follows is its consequence.
func TestDenyDoesNotRepeatTheCause(t *testing.T) {
	for cause, want := range map[bulwark.EventName]int{bulwark.AuthnTokenInvalid: 2, bulwark.AuthnTokenReuse: 2, bulwark.AuthnKeyStale: 3} {
		var rec bulwarktest.Recorder
		rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, s := bulwark.Enter(r)
			if s.Reported(nil, cause, 0) {
				t.Error("reported before it was")
			}
			bulwark.Report(r, bulwark.Event{Name: cause})
			if !s.Reported(nil, cause, 0) || s.Reported(nil, bulwark.AuthzFail, 0) || s.Reported(nil, cause, 403) {
				t.Error("the names of events are mixed up")
			}
			bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "authz.unauthenticated"})
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "authz.forbidden"})
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		if events := rec.Take(); len(events) != want {
			t.Errorf("%s: %d events, want %d", cause, len(events), want)
		}
	}
}

// A batch of a hundred guesses is a hundred events.
func TestDenyTellsSubRequestsApart(t *testing.T) {
	var rec bulwarktest.Recorder
	rec.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for range 100 {
			sub := httptest.NewRequestWithContext(r.Context(), "GET", "/item", nil)
			bulwark.Deny(httptest.NewRecorder(), sub, &bulwark.Problem{Status: 401, Code: "auth.invalid_token"})
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/batch", nil))
	if events := rec.Take(); len(events) != 100 {
		t.Errorf("%d events", len(events))
	}
}

func TestDenyLeavesAResponseThatHasBegunAlone(t *testing.T) {
	var rec bulwarktest.Recorder
	w := httptest.NewRecorder()
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, _ = response.Of(w)
		w.Write([]byte("begun"))
		bulwark.Deny(struct{ http.ResponseWriter }{w}, r, errors.New("hidden from the check"))
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	rec.Take()
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, _ = response.Of(w)
		w.Write([]byte("begun"))
		bulwark.Deny(w, r, errors.New("late"))
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || w.Body.String() != "begun" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if events := rec.Take(); len(events) != 1 || events[0].Status != 500 {
		t.Errorf("events %+v", events)
	}
}

func TestProblemError(t *testing.T) {
	cause := errors.New("cause")
	p := &bulwark.Problem{Code: "a.b", Log: bulwark.ProblemLog{Reason: "exact"}, Err: cause}
	if p.Error() != "a.b (exact): cause" || !errors.Is(p, cause) {
		t.Errorf("%v", p)
	}
	body, err := json.Marshal(&bulwark.Problem{Type: "about:blank", Title: "T", Status: 400, Code: "a.b", Err: cause})
	if want := `{"type":"about:blank","title":"T","status":400,"code":"a.b"}`; string(body) != want || err != nil {
		t.Errorf("%s %v", body, err)
	}
}

func TestEventIsFilledInAndSafe(t *testing.T) {
	var rec bulwarktest.Recorder
	evil := "a\r\nb\x00\u2028\u202e\x7f\u0085\xff" + strings.Repeat("é", 200)
	r := httptest.NewRequest("BREW", "/", nil)
	r.URL.Path = "/" + evil
	r, s := bulwark.Enter(r)
	r, _ = s.Record(r, &rec, "trace", "span")
	r, s = bulwark.Identify(r, alice())
	s.SetRoute("GET /documents/{id}")
	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: evil, Attrs: [4]slog.Attr{
		slog.String("text", evil), slog.Any("error", errors.New(evil)), slog.Int("n", 7), slog.Group("g", slog.String("k", evil))}})
	e := rec.Take()[0]
	if e.UserID != "alice" || e.Issuer != "https://id.example" || e.Method != "_OTHER" || e.Route != "GET /documents/{id}" ||
		e.TraceID != "trace" || e.SpanID != "span" || !e.ClientIP.IsValid() || e.Time.IsZero() || e.Time.Location() != time.UTC ||
		len(e.RequestID) != 36 || e.Level != slog.LevelWarn {
		t.Errorf("%+v", e)
	}
	const escaped = `a\x0d\x0ab\x00\u2028\u202e\x7f\u0085\xff`
	for _, text := range []string{e.Path[1:], e.Reason, e.Attrs[0].Value.String(), e.Attrs[1].Value.String()} {
		if !strings.HasPrefix(text, escaped+"é") || len(text) > 256 {
			t.Errorf("%q (%d bytes)", text, len(text))
		}
	}
	if e.Attrs[2].Value.Int64() != 7 || strings.ContainsAny(e.Attrs[3].Value.String(), "\r\n\x00") {
		t.Errorf("%v", e.Attrs)
	}
}

// hidden is a value that its own LogValue keeps out of logs.
type hidden string

func (hidden) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func TestWhatHidesItselfStaysHidden(t *testing.T) {
	deep := slog.Any("deepest", hidden("s3cret"))
	for range 8 {
		deep = slog.Group("g", deep)
	}
	var rec bulwarktest.Recorder
	rec.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginFail, Attrs: [4]slog.Attr{
			slog.Any("plain", hidden("s3cret")), slog.Group("login", slog.Any("password", hidden("s3cret"))), deep}})
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	e := rec.Take()[0]
	if text := fmt.Sprint(e.Attrs); strings.Contains(text, "s3cret") || !strings.Contains(text, "[redacted]") {
		t.Errorf("%s", text)
	}
}

func TestNothingRefusedIsSilent(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
	defer slog.SetDefault(before)
	r := httptest.NewRequest("GET", "/documents/1", nil)
	r.RemoteAddr = "192.0.2.1:1"
	identified, _ := bulwark.Identify(r, alice())
	bulwark.Deny(httptest.NewRecorder(), identified, &bulwark.Problem{Status: 403, Code: "a.b",
		Log: bulwark.ProblemLog{Rule: "r", Attrs: []slog.Attr{slog.Int("n", 1)}}, Err: errors.New("why")})
	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginSuccess, Count: 3})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), out.String())
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"level": "WARN", "type": "security", "event": "authz_fail", "ip": "192.0.2.1", "userId": "alice",
		"path": "/documents/1", "method": "GET", "reason": "a.b", "rule": "r", "status": 403.0, "n": 1.0, "error": "why"} {
		if first[key] != want {
			t.Errorf("%s is %v, want %v", key, first[key], want)
		}
	}
	if _, err := time.Parse(time.RFC3339, first["timestamp"].(string)); err != nil {
		t.Error(err)
	}
	var second map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &second); err != nil || second["userId"] != "" || second["level"] != "WARN" || second["count"] != 3.0 {
		t.Errorf("%v %v", second, err)
	}
}

func TestReportDoesNotAllocate(t *testing.T) {
	r, s := bulwark.Enter(httptest.NewRequest("GET", "/documents/1", nil))
	r, _ = s.Record(r, discard{}, "", "")
	bulwark.RequestID(r.Context())
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	if got := testing.AllocsPerRun(100, func() { bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Reason: "a.b"}) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// loggedBy returns what f writes to slog.Default.
func loggedBy(t *testing.T, f func()) []byte {
	t.Helper()
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
	defer slog.SetDefault(before)
	f()
	return out.Bytes()
}
