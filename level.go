package bulwark

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// levelOf is the level of an event of the request without a level of its own.
func (s *Scope) levelOf(ctx context.Context, e *Event) slog.Level {
	switch {
	case e.Name == InputValidationFail && ordinary(e.Status):
		return slog.LevelInfo
	case e.Name == AuthzFail && e.Status == http.StatusUnauthorized && !s.tried(ctx):
		return slog.LevelInfo
	}
	return e.Name.Level()
}

// ordinary reports whether a status is part of ordinary use: the client has
// done nothing wrong.
func ordinary(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusGone, // RFC 9110 section 15.5
		http.StatusConflict, http.StatusPreconditionFailed,
		http.StatusLocked: // RFC 4918 section 11.3
		return true
	}
	return false
}

// mayPass reports whether a refusal of that status may go without an event. It
// may not for a denied access, a limit that was hit, and a bad credential.
func (s *Scope) mayPass(ctx context.Context, status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusTooManyRequests:
		return false
	case http.StatusUnauthorized:
		return !s.tried(ctx)
	}
	return true
}

// tried reports whether the request has a credential, good or bad. A 401 for a
// request without any is how a client learns that it needs one.
func (s *Scope) tried(ctx context.Context) bool {
	if caller, _ := s.whoCalled(ctx); caller != nil {
		return true
	}
	s.shared.mu.Lock()
	guessed, query := s.shared.tally.guessed(), s.shared.arrival.query
	s.shared.mu.Unlock()
	if guessed || credentialQuery(query) {
		return true
	}
	for name, lines := range s.header {
		if len(lines) > 0 && (credentialField(name) || name == "Cookie" && !Settled(ctx)) {
			return true
		}
	}
	return false
}

// credentialField reports whether a header field brings a credential of the
// client's: of RFC 9110 section 11.6.2, or by its name. A field that only
// protects a form, such as X-Csrf-Token, does not.
func credentialField(name string) bool {
	name = strings.ToLower(name)
	if strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
		return false
	}
	for _, ending := range [...]string{"authorization", "auth", "token", "secret", "apikey", "api-key", "access-key", "session-id"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// credentialQuery reports whether a query brings a credential, as of RFC 6750
// section 2.3. A token for a page of results is not a credential.
func credentialQuery(query string) bool {
	for looked := 0; query != "" && looked < 100; looked++ {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		if value == "" {
			continue
		}
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		switch strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name)) {
		case "accesstoken", "authtoken", "idtoken", "token", "jwt", "auth", "apikey", "apitoken", "clientsecret", "password":
			return true
		}
	}
	return false
}
