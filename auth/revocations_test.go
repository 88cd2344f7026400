package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func TestRevocationCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that 5 minutes ahead are exactly that
		now := time.Now()
		for _, test := range []struct {
			name string
			r    auth.Revocation
			want string // in the error; empty is none
		}{
			{"token", auth.Revocation{Issuer: "secret", TokenID: "secret"}, ""},
			{"token-that-expires", auth.Revocation{Issuer: "secret", TokenID: "secret", Expires: now}, ""},
			{"session", auth.Revocation{Issuer: "secret", SessionID: "secret"}, ""},
			{"subject", auth.Revocation{Issuer: "secret", Subject: "secret", IssuedUntil: now}, ""},
			{"subject-long-ago", auth.Revocation{Issuer: "secret", Subject: "secret", IssuedUntil: now.AddDate(-9, 0, 0)}, ""},
			{"subject-that-expires", auth.Revocation{Issuer: "secret", Subject: "secret", IssuedUntil: now, Expires: now.Add(1)}, ""},
			{"subject-by-a-fast-clock", auth.Revocation{Issuer: "secret", Subject: "secret", IssuedUntil: now.Add(5 * time.Minute)}, ""},
			{"zero", auth.Revocation{}, "Issuer"},
			{"no-issuer", auth.Revocation{TokenID: "secret"}, "Issuer"},
			{"nothing", auth.Revocation{Issuer: "secret"}, "exactly one"},
			{"token-and-session", auth.Revocation{Issuer: "secret", TokenID: "secret", SessionID: "secret"}, "exactly one"},
			{"token-and-subject", auth.Revocation{Issuer: "secret", TokenID: "secret", Subject: "secret", IssuedUntil: now}, "exactly one"},
			{"session-and-subject", auth.Revocation{Issuer: "secret", SessionID: "secret", Subject: "secret", IssuedUntil: now}, "exactly one"},
			{"all", auth.Revocation{Issuer: "secret", TokenID: "secret", SessionID: "secret", Subject: "secret", IssuedUntil: now}, "exactly one"},
			{"token-until", auth.Revocation{Issuer: "secret", TokenID: "secret", IssuedUntil: now}, "without a Subject"},
			{"session-until", auth.Revocation{Issuer: "secret", SessionID: "secret", IssuedUntil: now}, "without a Subject"},
			{"subject-without-until", auth.Revocation{Issuer: "secret", Subject: "secret"}, "IssuedUntil is zero"},
			{"subject-ahead", auth.Revocation{Issuer: "secret", Subject: "secret", IssuedUntil: now.Add(5*time.Minute + 1)}, "5 minutes"},
			{"subject-expires-at-once", auth.Revocation{Issuer: "secret", Subject: "secret", IssuedUntil: now, Expires: now}, "Expires"},
		} {
			switch err := test.r.Check(); {
			case test.want == "" && err != nil:
				t.Errorf("%s: %v", test.name, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret")):
				t.Errorf("%s: error %v, want one about %q without values", test.name, err, test.want)
			}
		}
	})
}

func TestRevocationOf(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name string
		p    *bulwark.Principal
		want auth.Revocation
		good bool
	}{
		{"token", &bulwark.Principal{Issuer: "i", Subject: "alice", TokenID: "t", SessionID: "s", IssuedAt: now, ExpiresAt: now},
			auth.Revocation{Issuer: "i", TokenID: "t", Expires: now.Add(5 * time.Minute)}, true},
		{"session", &bulwark.Principal{Issuer: "i", Subject: "alice", SessionID: "s", ExpiresAt: now},
			auth.Revocation{Issuer: "i", SessionID: "s", Expires: now.Add(5 * time.Minute)}, true},
		{"never-expires", &bulwark.Principal{Issuer: "i", Subject: "alice", TokenID: "t"}, auth.Revocation{Issuer: "i", TokenID: "t"}, true},
		{"no-ids", &bulwark.Principal{Issuer: "i", Subject: "alice", IssuedAt: now, ExpiresAt: now},
			auth.Revocation{Issuer: "i", Expires: now.Add(5 * time.Minute)}, false},
		{"no-issuer", &bulwark.Principal{Subject: "alice", TokenID: "t"}, auth.Revocation{TokenID: "t"}, false},
		{"nobody", nil, auth.Revocation{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := auth.RevocationOf(test.p)
			if got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			m := &auth.MemoryRevocations{}
			if err := m.Revoke(t.Context(), got); (err == nil) != test.good {
				t.Errorf("Revoke: %v", err)
			}
			if revoked := asked(t, m, test.p); revoked != (test.good || test.p == nil) {
				t.Errorf("revoked %t", revoked)
			}
		})
	}
}

// storeOf is a store that answers Revoke with err and keeps what it was called
// with.
type storeOf struct {
	auth.Revocations
	err   error
	ctx   context.Context
	asked []auth.Revocation
}

func (s *storeOf) Revoke(ctx context.Context, r auth.Revocation) error {
	s.asked = append(s.asked, r)
	s.ctx = ctx
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.err
}

// revoking serves a request of admin with a handler that revokes v.
func revoking(ctx context.Context, store auth.Revocations, v auth.Revocation) (*httptest.ResponseRecorder, []bulwark.Event) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/logout", nil)
	r = r.WithContext(bulwark.WithPrincipal(ctx, &bulwark.Principal{Issuer: "staff", Subject: "admin"}))
	var recorder bulwarktest.Recorder
	recorder.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Revoke(r.Context(), store, v); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})).ServeHTTP(w, r)
	return w, recorder.Events()
}

func TestRevokeReports(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name   string
		v      auth.Revocation
		issuer string
		user   string
		attr   slog.Attr
	}{
		{"token", auth.Revocation{Issuer: "test", TokenID: "hunter2"}, "staff", "admin", slog.Attr{}},
		{"session", auth.Revocation{Issuer: "test", SessionID: "s1"}, "staff", "admin", slog.String("session", "s1")},
		{"subject", auth.Revocation{Issuer: "test", Subject: "alice", IssuedUntil: now}, "staff", "admin", slog.String("subject", "alice")},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := &storeOf{}
			w, events := revoking(t.Context(), store, test.v)
			if w.Code != http.StatusNoContent || w.Body.Len() > 0 || len(w.Header()) > 0 {
				t.Errorf("status %d, header %v, body %q", w.Code, w.Header(), w.Body)
			}
			if len(store.asked) != 1 || store.asked[0] != test.v {
				t.Errorf("written %+v, want %+v", store.asked, test.v)
			}
			if len(events) != 1 {
				t.Fatalf("events %+v", events)
			}
			e := events[0]
			if e.Name != bulwark.AuthnTokenRevoked || e.Reason != test.name || e.Status != 0 || e.Level != slog.LevelInfo ||
				e.Issuer != test.issuer || e.UserID != test.user || !e.Attrs[0].Equal(test.attr) || e.Attrs[1].Key != "" {
				t.Errorf("event %+v", e)
			}
			if text := fmt.Sprint(e); strings.Contains(text, "hunter2") {
				t.Errorf("the id of the token is in %s", text)
			}
		})
	}
}

// A job has no request: the event says what happened, and goes to slog.Default.
func TestRevokeOutsideARequest(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
	defer slog.SetDefault(before)
	if err := auth.Revoke(t.Context(), &storeOf{}, auth.Revocation{Issuer: "test", SessionID: "s1"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"event":"authn_token_revoked"`, `"reason":"session"`, `"session":"s1"`, `"userId":""`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s lacks %s", out.String(), want)
		}
	}
}

func TestRevokeRefused(t *testing.T) {
	const unavailable = "The credentials cannot be revoked at the moment."
	good := auth.Revocation{Issuer: "test", TokenID: "hunter2"}
	for _, test := range []struct {
		name   string
		store  auth.Revocations
		v      auth.Revocation
		status int
		code   string
		detail string
		retry  string
		reason string
	}{
		{"full", &storeOf{err: auth.ErrFull}, good, 503, "auth.store_full", "No further credential can be revoked at the moment.", "60", "store_full"},
		{"full-and-wrapped", &storeOf{err: fmt.Errorf("redis: %w", auth.ErrFull)}, good, 503, "auth.store_full", "No further credential", "60", "store_full"},
		{"down", &storeOf{err: errors.New("hunter3")}, good, 503, "auth.unavailable", unavailable, "5", "store_unavailable"},
		{"a-problem-of-its-own", &storeOf{err: &bulwark.Problem{Status: 400, Code: "x.y"}}, good, 503, "auth.unavailable", unavailable, "5", "store_unavailable"},
		{"malformed", &storeOf{}, auth.Revocation{Issuer: "hunter2"}, 500, "internal.error", "", "", "internal.error"},
		{"of-nobody", &storeOf{}, auth.RevocationOf(nil), 500, "internal.error", "", "", "internal.error"},
		{"no-store", nil, good, 500, "internal.error", "", "", "internal.error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, events := revoking(t.Context(), test.store, test.v)
			body := w.Body.String()
			if w.Code != test.status || !strings.Contains(body, `"code":"`+test.code+`"`) || !strings.Contains(body, test.detail) ||
				test.detail == "" && strings.Contains(body, `"detail"`) || strings.Contains(body, "hunter") {
				t.Errorf("%d %s", w.Code, body)
			}
			if got := w.Header().Get("Retry-After"); got != test.retry {
				t.Errorf("Retry-After %q, want %q", got, test.retry)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
			if len(events) != 1 || events[0].Name != bulwark.SysUnavailable || events[0].Reason != test.reason || events[0].Status != test.status {
				t.Errorf("events %+v", events)
			}
			if text := fmt.Sprint(events); strings.Contains(text, "hunter2") {
				t.Errorf("an id is in %s", text)
			}
			if s, ok := test.store.(*storeOf); ok && test.status == 500 && s.asked != nil {
				t.Error("the store was called with what is malformed")
			}
		})
	}
}

// Nobody keeps a token by leaving the page, and no store is waited for for
// ever.
func TestRevokeOutlivesTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		store := &storeOf{}
		w, events := revoking(gone, store, auth.Revocation{Issuer: "test", TokenID: "t1"})
		if w.Code != http.StatusNoContent || len(events) != 1 || events[0].Name != bulwark.AuthnTokenRevoked {
			t.Errorf("status %d, events %+v", w.Code, events)
		}
		if end, ok := store.ctx.Deadline(); !ok || time.Until(end) != 5*time.Second {
			t.Errorf("deadline %v, %t", end, ok)
		}
		if p, ok := bulwark.PrincipalFrom(store.ctx); !ok || p.Subject != "admin" {
			t.Error("the context has lost its values")
		}
	})
}
