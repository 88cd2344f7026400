package bulwark_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// answered serves a request by h behind a recorder.
func answered(h http.HandlerFunc, header http.Header) (*httptest.ResponseRecorder, []bulwark.Event) {
	var rec bulwarktest.Recorder
	r := httptest.NewRequest("GET", "/documents/1", nil)
	if header != nil {
		r.Header = header.Clone()
	}
	w := httptest.NewRecorder()
	rec.Wrap(h).ServeHTTP(w, r)
	return w, rec.Take()
}

// refusing is a handler that refuses with p.
func refusing(p bulwark.Problem) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, &p) }
}

// checkEvent asserts the only event of a refusal.
func checkEvent(t *testing.T, events []bulwark.Event, name bulwark.EventName, reason string, status int, level slog.Level) {
	t.Helper()
	if len(events) != 1 {
		t.Fatalf("%d events, want one: %+v", len(events), events)
	}
	if e := events[0]; e.Name != name || e.Reason != reason || e.Status != status || e.Level != level {
		t.Errorf("event %s %q, status %d, level %v; want %s %q, %d, %v", e.Name, e.Reason, e.Status, e.Level, name, reason, status, level)
	}
}

// What every service answers all day is not an alert; what says something of an
// attack is.
func TestCaseRoot18LevelsOfStatuses(t *testing.T) {
	info, warn, fault := slog.LevelInfo, slog.LevelWarn, slog.LevelError
	for status, want := range map[int]struct {
		name  bulwark.EventName
		level slog.Level
	}{
		400: {bulwark.InputValidationFail, warn}, 401: {bulwark.AuthzFail, info}, 403: {bulwark.AuthzFail, warn},
		404: {bulwark.InputValidationFail, info}, 405: {bulwark.InputValidationFail, warn}, 406: {bulwark.InputValidationFail, warn},
		409: {bulwark.InputValidationFail, info}, 410: {bulwark.InputValidationFail, info}, 412: {bulwark.InputValidationFail, info},
		413: {bulwark.InputValidationFail, warn}, 415: {bulwark.InputValidationFail, warn}, 421: {bulwark.InputValidationFail, warn},
		422: {bulwark.InputValidationFail, warn}, 423: {bulwark.InputValidationFail, info}, 428: {bulwark.InputValidationFail, warn},
		429: {bulwark.ExcessRateLimitExceeded, warn}, 500: {bulwark.SysUnavailable, fault}, 501: {bulwark.InputValidationFail, warn},
		502: {bulwark.SysUnavailable, fault}, 503: {bulwark.SysUnavailable, fault}, 505: {bulwark.InputValidationFail, warn},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			w, events := answered(refusing(bulwark.Problem{Status: status, Code: "documents.no"}), nil)
			checkProblem(t, w, status, "documents.no")
			checkEvent(t, events, want.name, "documents.no", status, want.level)
		})
	}
}

func TestCaseRoot18AnEventOfItsOwnKeepsItsLevel(t *testing.T) {
	for name, p := range map[string]bulwark.Problem{
		"probe":  {Log: bulwark.ProblemLog{Event: bulwark.MaliciousDirectReference}},
		"hidden": {Log: bulwark.ProblemLog{Event: bulwark.AuthzFail}},
		"chosen": {Log: bulwark.ProblemLog{Level: slog.LevelWarn}},
	} {
		t.Run(name, func(t *testing.T) {
			p.Status, p.Code = 404, "documents.missing"
			_, events := answered(refusing(p), nil)
			if len(events) != 1 || events[0].Level != slog.LevelWarn {
				t.Errorf("events %+v", events)
			}
		})
	}
	_, events := answered(refusing(bulwark.Problem{Status: 403, Code: "a.b", Log: bulwark.ProblemLog{Level: slog.LevelInfo}}), nil)
	checkEvent(t, events, bulwark.AuthzFail, "a.b", 403, slog.LevelInfo)
}

// A 401 for a request without any credential is how a client learns that it
// needs one, whoever answers it.
func TestCaseRoot18Unauthenticated(t *testing.T) {
	deny := refusing(bulwark.Problem{Status: 401, Code: "app.login"})
	by := func(layer func(http.Handler) http.Handler, h http.Handler) http.HandlerFunc {
		return layer(h).ServeHTTP
	}
	after := func(name bulwark.EventName) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: name})
			bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "app.login", Log: bulwark.ProblemLog{Reason: "second"}})
			bulwark.Deny(httptest.NewRecorder(), r, &bulwark.Problem{Status: 401, Code: "app.login"})
		}
	}
	handmade := func(w http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Status: 401, Reason: "app.login"})
		w.WriteHeader(401)
	}
	asking := func(query string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			sub := r.Clone(r.Context())
			sub.URL.RawQuery = query
			deny(w, sub)
		}
	}
	for _, test := range []struct {
		name   string
		h      http.HandlerFunc
		header http.Header
		level  slog.Level
	}{
		{"query", asking("page_token=a&limit=1&code=2&token=&a=token"), nil, slog.LevelInfo},
		{"token_in_the_query", asking("page=1&access_token=x"), nil, slog.LevelWarn},
		{"key_in_the_query", asking("API-Key=x"), nil, slog.LevelWarn},
		{"escaped_in_the_query", asking("%61pi%5Fkey=x"), nil, slog.LevelWarn},
		{"nothing", deny, nil, slog.LevelInfo},
		{"other_fields", deny, http.Header{"Accept": {"*/*"}, "X-Csrf-Token": {"a"}, "Sec-Websocket-Key": {"a"}, "Idempotency-Key": {"a"}}, slog.LevelInfo},
		{"Authorization", deny, http.Header{"Authorization": {"Bearer x"}}, slog.LevelWarn},
		{"Basic", deny, http.Header{"Authorization": {"Basic x"}}, slog.LevelWarn},
		{"proxy", deny, http.Header{"Proxy-Authorization": {"Basic x"}}, slog.LevelWarn},
		{"key", deny, http.Header{"X-Api-Key": {"x"}}, slog.LevelWarn},
		{"token", deny, http.Header{"X-Auth-Token": {"x"}}, slog.LevelWarn},
		{"cookie", deny, http.Header{"Cookie": {"session=x"}}, slog.LevelWarn},
		{"cookie_that_is_none", by(as(nil), deny), http.Header{"Cookie": {"theme=dark"}}, slog.LevelInfo},
		{"key_that_nobody_reads", by(as(nil), deny), http.Header{"X-Api-Key": {"x"}}, slog.LevelWarn},
		{"identified", by(as(alice()), deny), nil, slog.LevelWarn},
		{"bad_credential", after(bulwark.AuthnTokenInvalid), nil, slog.LevelWarn},
		{"failed_login", after(bulwark.AuthnLoginFail), nil, slog.LevelWarn},
		{"another_event", after(bulwark.AuthnKeyStale), nil, slog.LevelInfo},
		{"reported_by_hand", handmade, nil, slog.LevelInfo},
		{"reported_by_hand_with_a_credential", handmade, http.Header{"Authorization": {"Bearer x"}}, slog.LevelWarn},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, events := answered(test.h, test.header)
			last := events[len(events)-1]
			if last.Name != bulwark.AuthzFail || last.Status != 401 || last.Reason != "app.login" || last.Level != test.level {
				t.Errorf("%+v, want level %v", last, test.level)
			}
		})
	}
}

// NoEvent reports nothing, and hides nothing that may be an attack.
func TestCaseRoot18NoEvent(t *testing.T) {
	for _, test := range []struct {
		status int
		header http.Header
		event  bulwark.EventName // empty: none
	}{
		{400, nil, ""}, {404, nil, ""}, {409, nil, ""}, {410, nil, ""}, {412, nil, ""}, {423, nil, ""}, {503, nil, ""},
		{401, nil, ""},
		{401, http.Header{"Authorization": {"Bearer x"}}, bulwark.AuthzFail},
		{401, http.Header{"Cookie": {"session=x"}}, bulwark.AuthzFail},
		{403, nil, bulwark.AuthzFail},
		{429, nil, bulwark.ExcessRateLimitExceeded},
	} {
		t.Run(fmt.Sprint(test.status, len(test.header)), func(t *testing.T) {
			var rec bulwarktest.Recorder
			layer := bulwark.Must(audit.New(audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{&rec}}))
			defer layer.Close()
			r := httptest.NewRequest("GET", "/documents/1", nil)
			for name, lines := range test.header {
				r.Header[name] = lines
			}
			w := httptest.NewRecorder()
			layer.Wrap(refusing(bulwark.Problem{Status: test.status, Code: "documents.missing", Log: bulwark.ProblemLog{Event: bulwark.NoEvent}})).ServeHTTP(w, r)
			checkProblem(t, w, test.status, "documents.missing")
			events := rec.Take()
			if test.event == "" {
				if len(events) != 0 {
					t.Errorf("events %+v", events)
				}
				return
			}
			checkEvent(t, events, test.event, "documents.missing", test.status, slog.LevelWarn)
		})
	}
	t.Run("Report", func(t *testing.T) {
		_, events := answered(func(_ http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.NoEvent})
			bulwark.ReportContext(r.Context(), nil, bulwark.Event{Name: bulwark.NoEvent})
		}, nil)
		var rec bulwarktest.Recorder
		bulwark.ReportContext(t.Context(), &rec, bulwark.Event{Name: bulwark.NoEvent})
		if events = append(events, rec.Take()...); len(events) != 0 {
			t.Errorf("events %+v", events)
		}
	})
}

// A handler that knows nothing of this module answers an ordinary 401 too.
func TestCaseRoot18AuditOfAPlainHandler(t *testing.T) {
	for credential, want := range map[string]slog.Level{"": slog.LevelInfo, "Bearer x": slog.LevelWarn} {
		var rec bulwarktest.Recorder
		layer := bulwark.Must(audit.New(audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{&rec}}))
		r := httptest.NewRequest("GET", "/", nil)
		if credential != "" {
			r.Header.Set("Authorization", credential)
		}
		layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })).ServeHTTP(httptest.NewRecorder(), r)
		checkEvent(t, rec.Take(), bulwark.AuthzFail, "audit.unreported", 401, want)
		layer.Close()
	}
}

// moody is a Leveler that fails, as that of a nil pointer does.
type moody struct{}

func (moody) Level() slog.Level { panic("no level today") }

// A level that may change is read when the event is reported. One that panics
// is the level of the name, and the event is not lost.
func TestLevelersAreReadOnce(t *testing.T) {
	variable := new(slog.LevelVar)
	variable.Set(slog.LevelDebug)
	var events bulwarktest.Recorder
	handler := events.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Level: variable})
		bulwark.Report(r, bulwark.Event{Name: bulwark.SysUnavailable, Level: moody{}})
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	variable.Set(slog.LevelInfo)
	taken := events.Take()
	if len(taken) != 2 || taken[0].Level != slog.LevelDebug || taken[1].Level != slog.LevelError {
		t.Errorf("events %+v", taken)
	}
}

// headless is a ResponseWriter that breaks its contract.
type headless struct{ status int }

func (*headless) Header() http.Header            { return nil }
func (*headless) Write(body []byte) (int, error) { return len(body), nil }
func (h *headless) WriteHeader(status int)       { h.status = status }

// A ResponseWriter without a header gets its refusal, and the log its event.
func TestDenyWithoutAHeader(t *testing.T) {
	var events bulwarktest.Recorder
	w := new(headless)
	events.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "test.closed"})
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	taken := events.Take()
	if w.status != http.StatusForbidden || len(taken) != 1 || taken[0].Reason != "test.closed" || taken[0].Name != bulwark.AuthzFail {
		t.Errorf("status %d, events %+v", w.status, taken)
	}
}
