package authz_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// The engine is asked last, and only where its answer matters.
func TestAsk(t *testing.T) {
	const question = "carol report:run:  map[]"
	carol := as("carol", "user")
	scoped := as("carol", "user")
	scoped.Scopes = []string{"reports"}
	strong := authz.Authenticated().StepUp("urn:mfa", 0)
	stepUp := want{status: 401, code: "authz.insufficient_user_authentication", event: bulwark.AuthzFail}
	noScope := want{status: 403, code: "authz.insufficient_scope", event: bulwark.AuthzFail}
	base := authz.Authenticated()
	for _, test := range []struct {
		name     string
		caller   *bulwark.Principal
		rule     func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule
		want     want
		decision string
		asked    int
	}{
		{"allow", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule { return ask(base, allowing()) }, want{}, "", 1},
		{"deny", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule { return ask(base, denying()) }, forbidden, "d-2: not a member", 1},
		{"deny_without_roles", as("carol"), func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule { return ask(base, denying()) }, forbidden, "d-2: not a member", 1},
		{"fail", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule { return ask(base, failing()) }, unavailable, "", 1},
		{"panic", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule { return ask(base, panicking("secret")) }, unavailable, "", 1},
		{"allowed_with_error", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(base, answering(allow, errEngine))
		}, unavailable, "", 1},
		{"anonymous", nil, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule { return ask(base, allowing()) }, unauthenticated, "", 0},
		{"not_granted", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(authz.RequireRole("admin"), allowing())
		}, forbidden, "", 0},
		{"granted", as("carol", "admin"), func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(authz.Require("document:read:all"), denying())
		}, forbidden, "d-2: not a member", 1},
		{"no_scope", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(base, allowing()).Scopes("reports")
		}, noScope, "", 0},
		{"scope", scoped, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(base, allowing()).Scopes("reports")
		}, want{}, "", 1},
		{"no_step_up", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(base, allowing()).StepUp("", time.Minute)
		}, stepUp, "", 0},

		{"twice", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(ask(base, allowing()), allowing())
		}, want{}, "", 2},
		{"twice_first_denies", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(ask(base, denying()), allowing())
		}, forbidden, "d-2: not a member", 1},
		{"twice_second_denies", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(ask(base, allowing()), denying())
		}, forbidden, "d-2: not a member", 2},
		{"twice_second_fails", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(ask(base, allowing()), failing())
		}, unavailable, "", 2},

		{"all_cheap_part_refuses", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.All(ask(base, allowing()), authz.RequireRole("admin"))
		}, forbidden, "", 0},
		{"all", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.All(ask(base, allowing()), ask(base, allowing()))
		}, want{}, "", 2},
		{"all_first_denies", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.All(ask(base, denying()), ask(base, failing()))
		}, forbidden, "d-2: not a member", 1},
		{"all_first_fails", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.All(ask(base, failing()), ask(base, denying()))
		}, unavailable, "", 1},
		{"all_itself", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(authz.All(base, ask(base, allowing())), denying())
		}, forbidden, "d-2: not a member", 2},

		{"any_cheap_part_passes", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.Any(ask(base, failing()), authz.RequireRole("user"))
		}, want{}, "", 0},
		{"any_second_allows", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.Any(ask(base, denying()), ask(base, allowing()))
		}, want{}, "", 2},
		{"any_first_allows", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.Any(ask(base, allowing()), ask(base, failing()))
		}, want{}, "", 1},
		{"any_outage_and_yes", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.Any(ask(base, failing()), ask(base, allowing()))
		}, want{}, "", 2},
		{"any_outage_and_no", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.Any(ask(base, failing()), ask(base, denying()), authz.RequireRole("admin"))
		}, unavailable, "", 2},
		{"any_both_deny", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.Any(ask(base, denying()), ask(base, denying()))
		}, forbidden, "d-2: not a member; d-2: not a member", 2},
		{"any_nearest", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.Any(ask(base, denying()), strong)
		}, stepUp, "d-2: not a member", 1},
		{"any_itself", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return ask(authz.Any(base, authz.RequireRole("admin")), denying())
		}, forbidden, "d-2: not a member", 1},
		// An outage that did not matter does not make a later no an outage.
		{"outage_before_a_no", carol, func(ask func(authz.Rule, *oracle) authz.Rule) authz.Rule {
			return authz.All(authz.Any(ask(base, failing()), ask(base, allowing())), ask(base, denying()))
		}, forbidden, "d-2: not a member", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			var engines []*oracle
			rule := test.rule(func(rule authz.Rule, o *oracle) authz.Rule {
				engines = append(engines, o)
				return rule.Ask(o, "report", "run")
			})
			mux := authz.NewMux(mustPolicy(t, guide()))
			mux.Handle("GET /report", rule, ok())
			if test.want.status == 0 {
				var rec bulwarktest.Recorder
				if w := get(rec.Wrap(mux), "/report", test.caller); w.Code != 200 || len(rec.Take()) != 0 {
					t.Errorf("status %d", w.Code)
				}
			} else {
				e := test.want.check(t, mux, request("GET", "/report", test.caller))
				if attr(e, "decision") != test.decision || e.Rule != rule.String() || strings.Contains(fmt.Sprint(e), "secret") {
					t.Errorf("event %+v, want the decision %q", e, test.decision)
				}
				if failed := test.want.status == 503; failed != (e.Level == slog.LevelError) || failed != (attr(e, "error") != "") {
					if !(test.want.code == stepUp.code || test.want.code == noScope.code) { // these say what the principal lacks
						t.Errorf("event %+v", e)
					}
				}
			}
			var asked []string
			for _, o := range engines {
				asked = append(asked, o.take()...)
			}
			if len(asked) != test.asked || slices.ContainsFunc(asked, func(q string) bool { return q != question }) {
				t.Errorf("asked %q, want %d times %q", asked, test.asked, question)
			}
		})
	}
}

func TestWrongAskPanics(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	var none *oracle
	for name, test := range map[string]struct {
		rule   authz.Rule
		reason string
	}{
		"public":        {authz.Public("x").Ask(allowing(), "report", "run"), "is Public with Ask"},
		"zero":          {authz.Rule{}.Ask(allowing(), "report", "run"), "is the zero Rule"},
		"nil":           {authz.Authenticated().Ask(nil, "report", "run"), "engine that is nil"},
		"typed_nil":     {authz.Authenticated().Ask(none, "report", "run"), "engine that is nil"},
		"no_resource":   {authz.Authenticated().Ask(allowing(), "", "run"), "empty"},
		"no_action":     {authz.Authenticated().Ask(allowing(), "report", ""), "empty"},
		"long":          {authz.Authenticated().Ask(allowing(), strings.Repeat("x", 257), "run"), "longer than 256 bytes"},
		"line":          {authz.Authenticated().Ask(allowing(), "report", "run\n"), "not printable"},
		"hidden":        {authz.Authenticated().Ask(allowing(), "report", "ru\u200bn"), "not printable"},
		"not_UTF-8":     {authz.Authenticated().Ask(allowing(), "report", "\xff"), "not printable"},
		"nil_in_a_part": {authz.Any(authz.Authenticated().Ask(nil, "report", "run")), "engine that is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			mustRefuse(t, "Mux(GET /x)", test.reason, func() { mux.Handle("GET /x", test.rule, ok()) })
		})
	}
	mux.Handle("GET /most", authz.Authenticated().Ask(allowing(), strings.Repeat("x", 256), "Bericht ausführen"), ok())
}

// A rule that is built on is not changed by what is built on it.
func TestAskCopies(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	base := authz.Authenticated()
	for range 3 { // so that an append would have room
		base = base.Ask(allowing(), "report", "run")
	}
	no := base.Ask(denying(), "report", "no")
	yes := base.Ask(allowing(), "report", "yes")
	for path, rule := range map[string]authz.Rule{"/base": base, "/yes": yes, "/no": no} {
		mux.Handle("GET "+path, rule, ok())
	}
	for path, status := range map[string]int{"/base": 200, "/yes": 200, "/no": 403} {
		if w := get(mux, path, as("carol", "user")); w.Code != status {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

// The table of routes says that an engine has the last word.
func TestAskInRoutes(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /any", authz.Any(authz.RequireRole("admin"), authz.Authenticated().Ask(denying(), "report", "run")), ok())
	mux.Handle("GET /own", authz.All(authz.Require("document:read:own"), authz.Authenticated().Ask(denying(), "report", "run")), ok())
	mux.Handle("GET /report", authz.Authenticated().Ask(denying(), "report", "run").Ask(allowing(), "report", "see"), ok())
	want := `GET /any | any of (role admin; authenticated, engine report:run) | every caller | weak: an engine decides
GET /own | all of (permission document:read:own; authenticated, engine report:run) | admin, moderator, user | weak: the reach own is for the handler to check; an engine decides
GET /report | authenticated, engine report:run, engine report:see | every caller | weak: an engine decides
`
	if got := authztest.Routes(mux); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	// The matrix accepts a no of an engine, and nothing else.
	authztest.Matrix(t, mux, []string{"user", "admin"})
}
