package auth_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// Who has no credential learns that one is needed; who has a bad one is seen.
func TestCaseRoot18LevelsOfCredentials(t *testing.T) {
	for _, test := range []struct {
		name, field, value, reason string
		level                      slog.Level
	}{
		{"nothing", "Accept", "*/*", "auth.credentials_required", slog.LevelInfo},
		{"other_cookie", "Cookie", "theme=dark", "auth.credentials_required", slog.LevelInfo},
		{"bad", "Authorization", "Bearer bad", "signature", slog.LevelWarn},
		{"other_scheme", "Authorization", "Basic x", "scheme", slog.LevelWarn},
		{"key_that_nobody_reads", "X-Api-Key", "x", "auth.credentials_required", slog.LevelWarn},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			layer := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens()}}))
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set(test.field, test.value)
			w := httptest.NewRecorder()
			rec.Wrap(layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") }))).ServeHTTP(w, r)
			events := rec.Take()
			if w.Code != 401 || len(events) != 1 || events[0].Reason != test.reason || events[0].Level != test.level || events[0].Status != 401 {
				t.Errorf("%d, %+v", w.Code, events)
			}
		})
	}
}
