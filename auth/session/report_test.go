package session_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// revocations are the calls that end sessions with a context alone.
func revocations(t *testing.T, s *service, subject string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"one": func(ctx context.Context) error {
			live, err := s.List(t.Context(), session.Filter{Subject: subject})
			if err != nil || len(live) != 1 {
				t.Fatalf("%v, %v", live, err)
			}
			return s.Revoke(ctx, subject, live[0].ID)
		},
		"all": func(ctx context.Context) error { return s.RevokeAll(ctx, subject) },
	}
}

// ended asserts the event of a revocation.
func ended(t *testing.T, events []bulwark.Event, id string) bulwark.Event {
	t.Helper()
	if len(events) != 1 {
		t.Fatalf("events %+v", events)
	}
	e := events[0]
	if e.Name != bulwark.AuthnTokenRevoked || e.Reason != "revoked" || e.Level != slog.LevelInfo || e.Time.IsZero() {
		t.Errorf("event %+v", e)
	}
	if got := fmt.Sprint(e.Attrs[:2]); got != "[session="+id+" subject=alice]" {
		t.Errorf("attributes %s", got)
	}
	return e
}

func TestRevokeInsideARequestReportsThere(t *testing.T) {
	for name := range revocations(t, nil, "") {
		t.Run(name, func(t *testing.T) {
			var elsewhere bulwarktest.Recorder
			s := start(t, func(c *session.Config) { c.Recorder = &elsewhere })
			tok := s.login(t, "alice")
			id := segment(t, tok.access, 1)["sid"].(string)
			s.events.Take()
			var requestID string
			r := httptest.NewRequest("DELETE", "/sessions", nil)
			s.events.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				requestID = bulwark.RequestID(r.Context())
				ctx := bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: issuer, Subject: "root"})
				if err := revocations(t, s, "alice")[name](ctx); err != nil {
					t.Error(err)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
			e := ended(t, s.events.Take(), id)
			if e.UserID != "root" || e.Issuer != issuer || e.ClientIP.String() != "192.0.2.1" || e.RequestID == "" || e.RequestID != requestID ||
				e.Method != "DELETE" || e.Path != "/sessions" {
				t.Errorf("event %+v", e)
			}
			if events := elsewhere.Take(); len(events) != 0 {
				t.Errorf("the Config's Recorder got %+v", events)
			}
			s.dead(t, tok, "revoked")
		})
	}
}

func TestRevokeOutsideARequestReportsToTheConfigsRecorder(t *testing.T) {
	for name := range revocations(t, nil, "") {
		t.Run(name, func(t *testing.T) {
			var elsewhere bulwarktest.Recorder
			s := start(t, func(c *session.Config) { c.Recorder = &elsewhere })
			tok := s.login(t, "alice")
			s.events.Take()
			if err := revocations(t, s, "alice")[name](t.Context()); err != nil {
				t.Error(err)
			}
			e := ended(t, elsewhere.Take(), segment(t, tok.access, 1)["sid"].(string))
			if e.UserID != "" || e.RequestID != "" || e.ClientIP.IsValid() || e.Method != "" || e.Path != "" {
				t.Errorf("event %+v tells of a request", e)
			}
			if events := s.events.Take(); len(events) != 0 {
				t.Errorf("an earlier request's recorder got %+v", events)
			}
		})
	}
}

func TestRevokeWithoutARecorderIsLogged(t *testing.T) {
	for name := range revocations(t, nil, "") {
		t.Run(name, func(t *testing.T) {
			lines := logged(t)
			s := start(t, nil)
			id := segment(t, s.login(t, "alice").access, 1)["sid"].(string)
			lines.Reset()
			if err := revocations(t, s, "alice")[name](t.Context()); err != nil {
				t.Error(err)
			}
			text := lines.String()
			for _, want := range []string{"level=WARN", "event=authn_token_revoked", "reason=revoked", "session=" + id, "subject=alice"} {
				if !strings.Contains(text, want) {
					t.Errorf("log %q without %q", text, want)
				}
			}
			if strings.Count(text, "\n") != 1 {
				t.Errorf("log %q, want one line", text)
			}
		})
	}
}

// logged redirects the default log for the test.
func logged(t *testing.T) *bytes.Buffer {
	var lines bytes.Buffer
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer) // SetDefault has changed both
		log.SetFlags(flags)
	})
	return &lines
}
