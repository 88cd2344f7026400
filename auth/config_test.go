package auth_test

import (
	"bytes"
	"log"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestConfigErrorsTellNoPassword(t *testing.T) {
	for _, url := range []string{"https://user:hunter2@host", "https://user:hunter2@host/x", "https://hunter2@host", "user:hunter2@host", "https://user:hunter2@%zz"} {
		_, errAuth := auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens()}, ResourceMetadata: url, TrustedOrigins: []string{url}})
		if got := faulttest.Sorted(errAuth); !slices.Equal(got, []string{"auth.ResourceMetadata", "auth.TrustedOrigins[0]"}) {
			t.Errorf("%s: errors for %q", url, got)
		}
		_, errMetadata := auth.MetadataHandler(auth.Metadata{Resource: url, AuthorizationServers: []string{url}, JWKSURI: url, Documentation: url, PolicyURI: url})
		if got := faulttest.Sorted(errMetadata); len(got) != 5 {
			t.Errorf("%s: errors for %q", url, got)
		}
		_, errOrigins := auth.NewCrossSite([]string{url})
		_, errKeys := jwt.New(jwt.Config{Issuer: "https://i.example", Audience: []string{"a"}, Keys: jwt.RemoteKeys(url, jwt.RemoteConfig{})})
		for _, err := range []error{errAuth, errMetadata, errOrigins, errKeys} {
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
	// What holds no password is shown: it helps to find the mistake.
	if _, err := auth.NewCrossSite([]string{"https://app.example.com/"}); !strings.Contains(err.Error(), "https://app.example.com/") {
		t.Errorf("the origin is not shown: %v", err)
	}
}

// Authenticators that no New has made claim no credential, so that with
// Optional all would pass as anonymous.
func TestAuthenticatorsMadeWithoutNew(t *testing.T) {
	for name, zero := range map[string]auth.Authenticator{
		"jwt": &jwt.Verifier{}, "session": &session.Sessions{}, "apikey": &apikey.Keys{}, "named": &named{*tokens(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{keys(), zero, zero}, Optional: true})
			if got := faulttest.Sorted(err); m != nil || !slices.Equal(got, []string{"auth.Authenticators[1]", "auth.Authenticators[2]"}) {
				t.Errorf("errors for %q: %v", got, err)
			}
		})
	}
}

func TestOptionalIsReportedOnce(t *testing.T) {
	var lines bytes.Buffer
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(writer) // which SetDefault has changed, too
		log.SetFlags(flags)
	}()
	for _, test := range []struct {
		config auth.Config
		lines  int
	}{
		{auth.Config{Authenticators: []auth.Authenticator{tokens()}}, 0},
		{auth.Config{Optional: true}, 0}, // an error, and no layer
		{auth.Config{Authenticators: []auth.Authenticator{tokens()}, Optional: true}, 1},
	} {
		lines.Reset()
		m, err := auth.New(test.config)
		if err == nil {
			m.Wrap(nil)
			through(m, request())
			through(m, request())
		}
		text := lines.String()
		if n := strings.Count(text, "Optional"); n != test.lines {
			t.Errorf("%d lines, want %d: %s", n, test.lines, text)
		}
		if test.lines == 1 && (!strings.Contains(text, "level=INFO") || !strings.Contains(text, "layer=auth")) {
			t.Errorf("log %s", text)
		}
	}
}
