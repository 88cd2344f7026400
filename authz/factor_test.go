package authz_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

func TestFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ago := func(age time.Duration) time.Time { return time.Now().Add(-age) }
		by := func(factors map[string]time.Time) *bulwark.Principal {
			p := as("alice", "user")
			p.Factors = factors
			return p
		}
		type times = map[string]time.Time
		otp := authz.Authenticated().Factor("otp", 5*time.Minute)
		any := authz.Authenticated().Factor("otp", 0)
		both := authz.Authenticated().Factor("otp", 5*time.Minute).Factor("pwd", time.Hour)
		strong := authz.Authenticated().Factor("hwk", 0).StepUp("urn:mfa", time.Minute)
		loggedIn := by(times{"hwk": {}})
		loggedIn.ACR, loggedIn.AuthTime = "urn:mfa", ago(time.Minute)
		later := by(times{"hwk": {}})
		later.ACR, later.AuthTime = "urn:mfa", ago(time.Minute+1)
		const described = `error_description="The login must have factor `
		otpParams := described + `otp within 5m0s.", max_age="300"`
		bothParams := described + `otp within 5m0s and factor pwd within 1h0m0s.", max_age="300"`
		strongParams := described + `hwk.", acr_values="urn:mfa", max_age="60"`
		for i, test := range []struct {
			rule   authz.Rule
			caller *bulwark.Principal
			params string // of the refusal; empty: passes
		}{
			{otp, by(times{"otp": ago(0)}), ""},
			{otp, by(times{"otp": ago(5 * time.Minute)}), ""},
			{otp, by(times{"otp": ago(5*time.Minute + 1)}), otpParams},
			{otp, by(times{"otp": ago(-time.Minute)}), ""}, // of a clock ahead
			{otp, by(times{"otp": ago(-time.Minute - 1)}), otpParams},
			{otp, by(times{"otp": {}}), otpParams}, // never by an unknown time
			{otp, by(times{"OTP": ago(0)}), otpParams},
			{otp, by(times{"pwd": ago(0)}), otpParams},
			{otp, by(times{"": ago(0)}), otpParams},
			{otp, by(nil), otpParams},
			{otp, by(times{}), otpParams},
			{any, by(times{"otp": {}}), ""},
			{any, by(times{"otp": ago(1000 * time.Hour)}), ""},
			{any, by(times{"pwd": ago(0)}), described + `otp."`},
			{any, by(nil), described + `otp."`},
			{both, by(times{"otp": ago(0), "pwd": ago(0)}), ""},
			{both, by(times{"otp": ago(0)}), bothParams},
			{both, by(times{"pwd": ago(0)}), bothParams},
			{both, by(times{"otp": ago(0), "pwd": ago(2 * time.Hour)}), bothParams},
			{both, by(times{"otp": ago(10 * time.Minute), "pwd": ago(0)}), bothParams},
			{strong, loggedIn, ""},
			{strong, later, strongParams},
			{strong, by(times{"hwk": ago(0)}), strongParams},
			{authz.Authenticated().Factor("otp", time.Minute).StepUp("", time.Hour), by(nil), described + `otp within 1m0s.", max_age="60"`},
			{authz.Authenticated().Factor("otp", time.Hour).StepUp("", time.Minute), by(nil), described + `otp within 1h0m0s.", max_age="60"`},
			{authz.Authenticated().Factor("otp", time.Hour).Factor("pwd", time.Minute), by(nil), described + `otp within 1h0m0s and factor pwd within 1m0s.", max_age="60"`},
			{authz.All(any, authz.Authenticated().Factor("pwd", time.Hour)), by(times{"otp": {}, "pwd": ago(0)}), ""},
			{authz.All(any, authz.Authenticated().Factor("pwd", time.Hour)), by(times{"otp": {}}), described + `pwd within 1h0m0s.", max_age="3600"`},
			{authz.All(any, authz.Authenticated().Factor("pwd", time.Hour)), by(times{"pwd": ago(0)}), described + `otp."`},
			{authz.All(any, authz.Authenticated().Factor("otp", time.Hour)), by(times{"otp": {}}), described + `otp within 1h0m0s.", max_age="3600"`},
			{authz.Any(otp, authz.Authenticated().Factor("hwk", time.Hour)), by(times{"hwk": ago(0)}), ""},
			{authz.Any(otp, authz.Authenticated().Factor("hwk", time.Hour)), by(times{"hwk": {}}), otpParams},
			{authz.Any(authz.RequireRole("admin"), otp), by(times{"pwd": ago(0)}), otpParams},
			{authz.Any(authz.RequireRole("user"), otp), by(nil), ""},
			{authz.Any(authz.RequireRole("user"), otp).Factor("pwd", 0), by(nil), described + `pwd."`},
			{authz.Any(authz.RequireRole("user"), otp).Factor("pwd", 0), by(times{"pwd": {}}), ""},
		} {
			mux := authz.NewMux(mustPolicy(t, guide()))
			path := fmt.Sprintf("/rule/%d", i)
			mux.Handle("GET "+path, test.rule, ok())
			if test.params == "" {
				if w := get(mux, path, test.caller); w.Code != 200 {
					t.Errorf("%s %v: %d %s", path, test.rule, w.Code, w.Body)
				}
				continue
			}
			refused := want{status: 401, code: "authz.insufficient_user_authentication", event: bulwark.AuthzFail,
				header: map[string]string{"Www-Authenticate": `Bearer error="insufficient_user_authentication", ` + test.params}}
			if e := refused.check(t, mux, request("GET", path, test.caller)); e.Rule != test.rule.String() {
				t.Errorf("%s: event names rule %q", path, e.Rule)
			}
		}
	})
}

// The stronger refusals come first, as for StepUp.
func TestFactorComesLast(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /x", authz.RequireRole("admin").Scopes("a").Factor("otp", 0), ok())
	for name, test := range map[string]struct {
		caller *bulwark.Principal
		status int
		code   string
	}{
		"anonymous": {nil, 401, "authz.unauthenticated"},
		"role":      {as("alice", "user"), 403, "authz.forbidden"},
		"scope":     {as("alice", "admin"), 403, "authz.insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			want{status: test.status, code: test.code, event: bulwark.AuthzFail}.check(t, mux, request("GET", "/x", test.caller))
		})
	}
}

// A rule is a value: what one route adds is not another's.
func TestFactorCopiesTheRule(t *testing.T) {
	base := authz.Authenticated().Factor("a", 0).Factor("b", 0).Factor("c", 0)
	one, other := base.Factor("one", 0), base.Factor("other", 0)
	if base.String() != "authenticated, factor a, factor b, factor c" || one.String() != base.String()+", factor one" || other.String() != base.String()+", factor other" {
		t.Errorf("%v; %v; %v", base, one, other)
	}
}

func TestFactorOfAnObject(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	res := documents()
	ran := 0
	authz.HandleObject(mux, "GET /documents/{id}", res.Can("read").Factor("otp", time.Minute), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) { ran++ })
	want{status: 401, code: "authz.insufficient_user_authentication", event: bulwark.AuthzFail}.check(t, mux, request("GET", "/documents/1", as("alice", "admin")))
	if ran != 0 {
		t.Error("the object is handed out without the factor")
	}
	p := as("alice", "admin")
	p.Factors = map[string]time.Time{"otp": time.Now()}
	if w := get(mux, "/documents/1", p); w.Code != 200 || ran != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestFactorAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	cost := func(rule authz.Rule) float64 {
		mux := authz.NewMux(mustPolicy(t, guide()))
		mux.Handle("GET /x", rule, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		p := as("alice")
		p.Factors = map[string]time.Time{"otp": time.Now(), "pwd": time.Now()}
		r, w := request("GET", "/x", p), httptest.NewRecorder()
		return testing.AllocsPerRun(100, func() { mux.ServeHTTP(w, r) })
	}
	if with, without := cost(authz.Authenticated().Factor("otp", time.Hour).Factor("pwd", 0)), cost(authz.Authenticated()); with != without {
		t.Errorf("%v allocations, %v without Factor", with, without)
	}
}
