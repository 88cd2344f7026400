package auth_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// A 400 has challenges as a 401 has (RFC 6750 section 3), also where an
// authenticator has made it.
func TestNitAuthChallengesOfABadRequest(t *testing.T) {
	problem := func(header http.Header) *bulwark.Problem {
		return &bulwark.Problem{Status: http.StatusBadRequest, Code: "apikey.ambiguous", Header: header,
			Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "ambiguous"}}
	}
	for _, test := range []struct {
		name   string
		err    error
		status int
		want   []string
	}{
		{"bare", problem(nil), 400, []string{`Bearer realm="api", error="invalid_request"`, `ApiKey realm="api"`}},
		{"wrapped", errors.Join(problem(nil)), 400, []string{`Bearer realm="api", error="invalid_request"`, `ApiKey realm="api"`}},
		{"with-another-field", problem(http.Header{"X-Trace": {"1"}}), 400, []string{`Bearer realm="api", error="invalid_request"`, `ApiKey realm="api"`}},
		{"with-its-own", problem(http.Header{"Www-Authenticate": {"Own"}}), 400, []string{"Own"}},
		{"another-status", &bulwark.Problem{Status: http.StatusForbidden, Code: "x.y"}, 403, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys, before := keys(), cloneOf(test.err)
			keys.principal, keys.err = nil, test.err
			x := exchangeWith(t, auth.Config{Authenticators: []auth.Authenticator{tokens(), keys}, Realm: "api"}, request("X-Api-Key: 1"))
			if got := x.Header()["Www-Authenticate"]; x.Code != test.status || !slices.Equal(got, test.want) || x.ran {
				t.Errorf("%d, challenges %q, want %d and %q", x.Code, got, test.status, test.want)
			}
			if test.name == "with-another-field" && x.Header().Get("X-Trace") != "1" {
				t.Errorf("headers %v", x.Header())
			}
			if len(x.events) != 1 || x.events[0].Status != test.status {
				t.Errorf("events %+v", x.events)
			}
			if after := cloneOf(test.err); len(after) != len(before) {
				t.Errorf("the error, which requests may share, has been changed: %v", after)
			}
		})
	}
}

func cloneOf(err error) http.Header {
	var p *bulwark.Problem
	errors.As(err, &p)
	return p.Header.Clone()
}

// An Authenticator that returns a *bulwark.Problem in an error, and forgets that
// nil is then an error, refuses the request. It does not end the goroutine.
func TestNilProblem(t *testing.T) {
	for _, presence := range []auth.Presence{auth.Explicit, auth.Ambient} {
		for _, optional := range []bool{false, true} {
			f := &fake{challenge: bulwark.Challenge{Scheme: "Bearer"}, err: (*bulwark.Problem)(nil)}
			f.presence = func(*http.Request) auth.Presence { return presence }
			x := exchangeWith(t, auth.Config{Authenticators: []auth.Authenticator{f}, Optional: optional}, request())
			if x.ran || x.Code != 500 || !strings.Contains(x.Body.String(), `"code":"internal.error"`) || len(x.events) != 1 || x.events[0].Name != bulwark.SysUnavailable {
				t.Errorf("%d %s, events %+v", x.Code, x.Body, x.events)
			}
		}
	}
}
