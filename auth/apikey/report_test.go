package apikey_test

import (
	"bytes"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// ended asserts the event of a revocation.
func ended(t *testing.T, events []bulwark.Event, key apikey.Issued) bulwark.Event {
	t.Helper()
	e := only(t, events, bulwark.AuthnTokenRevoked)
	if len(events) != 1 || e.Reason != "revoked" || e.Level != slog.LevelInfo || e.Time.IsZero() {
		t.Errorf("events %+v", events)
	}
	if got := fmt.Sprint(e.Attrs[:2]); got != "[key="+key.ID+" subject=key:"+key.ID+"]" {
		t.Errorf("attributes %s", got)
	}
	return e
}

func TestRevokeInsideARequestReportsThere(t *testing.T) {
	var inside, elsewhere bulwarktest.Recorder
	c := config(&apikey.MemoryStore{})
	c.Recorder = &elsewhere
	keys := newKeys(t, c)
	key := issue(t, keys, apikey.Grant{})
	var requestID string
	inside.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requestID = bulwark.RequestID(r.Context())
		ctx := bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: "https://login.example.com", Subject: "root"})
		for range 2 { // once more changes nothing, and reports nothing
			if err := keys.Revoke(ctx, key.ID); err != nil {
				t.Error(err)
			}
		}
		problem(t, keys.Revoke(ctx, "0000000000000000"), 404, "apikey.not_found")
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("DELETE", "/keys/x", nil))
	e := ended(t, inside.Take(), key)
	if e.UserID != "root" || e.Issuer != "https://login.example.com" || e.ClientIP.String() != "192.0.2.1" || e.RequestID == "" || e.RequestID != requestID {
		t.Errorf("event %+v", e)
	}
	if events := elsewhere.Take(); len(events) != 0 {
		t.Errorf("the Config's Recorder got %+v", events)
	}
}

func TestRevokeOutsideARequestReportsToTheConfigsRecorder(t *testing.T) {
	var elsewhere bulwarktest.Recorder
	c := config(&apikey.MemoryStore{})
	c.Recorder = &elsewhere
	keys := newKeys(t, c)
	key := issue(t, keys, apikey.Grant{})
	if err := keys.Revoke(t.Context(), key.ID); err != nil {
		t.Error(err)
	}
	e := ended(t, elsewhere.Take(), key)
	if e.UserID != "" || e.RequestID != "" || e.ClientIP.IsValid() || e.Method != "" || e.Path != "" {
		t.Errorf("event %+v tells of a request", e)
	}
}

func TestRevokeWithoutARecorderIsLogged(t *testing.T) {
	lines := logged(t)
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	key := issue(t, keys, apikey.Grant{})
	if err := keys.Revoke(t.Context(), key.ID); err != nil {
		t.Error(err)
	}
	text := lines.String()
	for _, want := range []string{"level=WARN", "event=authn_token_revoked", "reason=revoked", "key=" + key.ID, "subject=key:" + key.ID} {
		if !strings.Contains(text, want) {
			t.Errorf("log %q without %q", text, want)
		}
	}
	if strings.Count(text, "\n") != 1 {
		t.Errorf("log %q, want one line", text)
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
