package authz_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// builder is a Builder that is a function.
type builder func() (bulwark.Layer, error)

// The rate limits are told apart by their names.
var _ authz.Limit = (*ratelimit.Middleware)(nil)

func (b builder) Build() (bulwark.Layer, error) { return b() }

// kinded is a layer of a kind.
type kinded bulwark.Kind

func (k kinded) Build() (bulwark.Layer, error)       { return k, nil }
func (k kinded) Wrap(next http.Handler) http.Handler { return next }
func (k kinded) Kind() bulwark.Kind                  { return bulwark.Kind(k) }

var errForeign = errors.New("the file is missing")

func TestRegistrationReportsEverythingAtOnce(t *testing.T) {
	own := errors.Join(
		&bulwark.ConfigError{Field: "sanitize.Fields[0]", Reason: "is wrong"},
		errors.Join(&bulwark.ConfigError{Field: "sanitize.MaxBody", Value: "-1", Reason: "is negative"}))
	pair := bulwark.Must(bulwark.Chain(kinded("a"), kinded("b")))
	layers := []bulwark.Builder{
		nil,
		builder(func() (bulwark.Layer, error) { return nil, own }),
		builder(func() (bulwark.Layer, error) { return nil, nil }),
		builder(func() (bulwark.Layer, error) { return nil, errForeign }),
		pair,
		kinded(bulwark.KindValidate),
		kinded(bulwark.KindSanitize),
		builder(nil),
		builder(func() (bulwark.Layer, error) { return (*authz.Middleware)(nil), nil }),
	}
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	broken := authz.Resource[*document]{Name: "documnet", Policy: mustPolicy(t, guide())}
	theirs := []string{
		".layers[0]: is nil; remove it or give it a Config",
		"sanitize.Fields[0]: is wrong",
		"sanitize.MaxBody: -1: is negative",
		".layers[2]: has a Build that returned neither a layer nor an error; return one of them",
		".layers[3]: the file is missing",
		".layers[7]: is nil; remove it or give it a Config",
		".layers[8]: has a Build that returned neither a layer nor an error; return one of them",
		".layers[6]: sanitize: put sanitize outside validate: sanitizing can make a checked value invalid",
	}
	const (
		noHandler = ".handler: is nil; give the route a handler"
		noMethod  = ": has no method, so that it would accept TRACE and FOO; write one in front, such as GET"
		admni     = "admni is not a role of the policy; did you mean admin?"
		space     = "names a scope with a space, a quotation mark, a backslash or another character that scopes cannot have (RFC 6749 section 3.3); write one argument for each scope"
		typo      = "documnet:read names an undeclared resource; did you mean document?"
		noOwner   = "is of a resource without Owner; set Resource.Owner"
		noLoad    = "is of a resource without Load; set Resource.Load"
		policies  = "is of a resource with another Policy than the route; set Resource.Policy to the policy of the Mux, or leave it out"
	)
	rule := authz.RequireRole("admni").Scopes("a b")
	for _, test := range []struct {
		place    string
		register func()
		want     []string
	}{
		{"Mux(/users)", func() { mux.Handle("/users", rule, nil, layers...) },
			[]string{noHandler, "LAYERS", noMethod, ".rule: role admni, scope a b: " + space, ".rule: role admni, scope a b: " + admni}},
		{"Mux(debug)", func() { mux.Mount("debug", rule, http.HandlerFunc(nil), layers...) },
			[]string{noHandler, "LAYERS", `: is not a prefix to mount under; write it without method and wildcards and with a slash at the end, such as "/debug/"`,
				".rule: role admni, scope a b: " + space, ".rule: role admni, scope a b: " + admni}},
		{"Mux(GET /a%2Fb/{id})", func() { authz.HandleObject(mux, "GET /a%2Fb/{id}", broken.Can("read"), nil, layers...) },
			[]string{noHandler, "LAYERS", ".access: object documnet:read: " + noOwner, ".access: object documnet:read: " + noLoad, ".access: object documnet:read: " + policies,
				": has an encoded slash or a backslash, and every request with one is refused; write the pattern without it", ".access: object documnet:read: " + typo}},
		{"Mux(POST /d)", func() { authz.HandleCreate(mux, "POST /d", broken.Can("read"), nil, layers...) },
			[]string{noHandler, "LAYERS", ".access: create documnet:read: " + noOwner, ".access: create documnet:read: " + policies, ".access: create documnet:read: " + typo}},
		{"Object(documnet:read)", func() { authz.Object(policy, broken.Can("read"), nil, layers...) },
			[]string{noHandler, "LAYERS", ".access: object documnet:read: " + noOwner, ".access: object documnet:read: " + noLoad, ".access: object documnet:read: " + policies,
				".access: object documnet:read: " + typo}},
	} {
		t.Run(test.place, func(t *testing.T) {
			var want []string
			for _, text := range test.want {
				lines := []string{text}
				if text == "LAYERS" {
					lines = theirs
				}
				for _, line := range lines {
					if line[0] == '.' || line[0] == ':' {
						line = "authz." + test.place + line
					}
					want = append(want, line)
				}
			}
			var got []string
			errs := refusal(t, test.register)
			for _, err := range errs {
				got = append(got, err.Error())
				var config *bulwark.ConfigError
				if !errors.As(err, &config) && !errors.Is(err, errForeign) {
					t.Errorf("%v is not a ConfigError", err)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if !errors.Is(errors.Join(errs...), errForeign) {
				t.Error("the foreign cause is lost")
			}
		})
	}
	// Mistakes of writing the rule stand beside those of its names.
	lax := func() { mux.Handle("GET /x", authz.RequireRole("admni").Scopes().StepUp("", -1).StepUp("a", 0), ok()) }
	for _, reason := range []string{"calls Scopes without a scope", "whole seconds", "asks twice for a step-up", "did you mean admin?"} {
		mustRefuse(t, "Mux(GET /x).rule", reason, lax)
	}
	// What ServeMux finds wrong with a pattern stands beside the rest.
	twice := func() { mux.Handle("GET /{id}/{id}", authz.RequireRole("admni"), ok()) }
	mustRefuse(t, "Mux(GET /{id}/{id})", "duplicate wildcard", twice)
	mustRefuse(t, "Mux(GET /{id}/{id}).rule", "did you mean admin?", twice)
	if len(mux.Routes()) != 0 {
		t.Errorf("routes %+v", mux.Routes())
	}
	if err := policy.Replace(authz.PolicyConfig{Resources: map[string][]string{"x": {"y"}}, Roles: authz.Roles{"z": {}}}); err != nil {
		t.Errorf("a refused route holds the policy: %v", err)
	}
}

// counting is a Config that counts how often it is built and wrapped.
func counting(built, wrapped *int) bulwark.Builder {
	return builder(func() (bulwark.Layer, error) {
		*built++
		state := 0
		return bulwark.LayerFunc(func(next http.Handler) http.Handler {
			*wrapped++
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				state++
				w.Header().Set("X-State", fmt.Sprint(state))
				next.ServeHTTP(w, r)
			})
		}), nil
	})
}

func TestAConfigIsBuiltOnceForEachRoute(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	built, wrapped := 0, 0
	config := counting(&built, &wrapped)
	mux.Handle("GET /a", authz.Public("x"), ok(), config)
	mux.Handle("GET /b", authz.Public("x"), ok(), config)
	mux.Mount("/m/", authz.Public("x"), ok(), config) // five patterns, one route
	if built != 3 || wrapped != 3 {
		t.Errorf("built %d times and wrapped %d times, want 3", built, wrapped)
	}
	state := func(method, path string) string {
		return serve(mux, request(method, path, nil)).Header().Get("X-State")
	}
	for _, step := range []struct{ method, path, state string }{{"GET", "/a", "1"}, {"GET", "/b", "1"}, {"GET", "/a", "2"}, {"GET", "/m/x", "1"}, {"POST", "/m/x", "2"}} {
		if got := state(step.method, step.path); got != step.state {
			t.Errorf("%s %s: state %s, want %s", step.method, step.path, got, step.state)
		}
	}
}

func TestLimitsOfOneName(t *testing.T) {
	limit := func(name string) ratelimit.Config {
		return ratelimit.Config{Name: name, Key: ratelimit.ByIP, Rate: "1/hour", MaxKeys: 8}
	}
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	shared := bulwark.Must(ratelimit.New(limit("shared")))
	mux.Handle("GET /a", authz.Public("x"), ok(), limit("login"), shared)
	mux.Handle("GET /b", authz.Public("x"), ok(), kinded("other"), shared)
	mux.Mount("/m/", authz.Public("x"), ok(), limit("mounted"))
	const advice = "give it another Name, or make the limit once, with ratelimit.New"
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	mustRefuse(t, "Mux(POST /users).layers[0]", "the name of a limit on GET /a; "+advice, func() { mux.Handle("POST /users", authz.Public("x"), ok(), limit("login")) })
	mustRefuse(t, "Mux(POST /users).layers[1]", "the name of a limit on GET /a; "+advice, func() { mux.Handle("POST /users", authz.Public("x"), ok(), kinded("x"), limit("shared")) })
	mustRefuse(t, "Mux(/n/).layers[0]", "the name of a limit on GET /m/; "+advice, func() { mux.Mount("/n/", authz.Public("x"), ok(), limit("mounted")) })
	mustRefuse(t, "Mux(GET /two).layers[2]", "the Name of another limit in the chain", func() { mux.Handle("GET /two", authz.Public("x"), ok(), limit("two"), kinded("x"), limit("two")) })
	mustRefuse(t, "Mux(PUT /d/{id}).layers[0]", "the name of a limit on GET /a; "+advice, func() {
		authz.HandleObject(mux, "PUT /d/{id}", documents().Can("update"), show, bulwark.Must(bulwark.Chain(kinded("x"), limit("login"))))
	})
	mustRefuse(t, "Object(document:update).layers[1]", "the Name of another limit in the chain", func() {
		authz.Object(policy, documents().Can("update"), show, limit("login"), limit("login"))
	})
	// A route that was refused holds no name, and another Mux is another
	// service.
	mux.Handle("GET /two", authz.Public("x"), ok(), limit("two"), shared, shared)
	authz.NewMux(policy).Handle("GET /a", authz.Public("x"), ok(), limit("login"))

	// The shared limit counts for both.
	if w := get(mux, "/a", nil); w.Code != 200 {
		t.Fatal(w.Code)
	}
	want{status: 429, code: "ratelimit.exceeded", event: bulwark.ExcessRateLimitExceeded}.check(t, mux, request("GET", "/b", nil))
}

// A limit by principal inside a route names itself and the field that says where
// auth is, because auth cannot be a layer of the route.
func TestLimitByPrincipalInsideARoute(t *testing.T) {
	policy := mustPolicy(t, guide())
	caller := ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "1/minute"}
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	const reason = "counts by principal, and no auth layer stands outside it here; set AuthOutside on the limit if auth stands around the router"
	for place, register := range map[string]func(){
		"Object(document:read).layers[0]": func() { authz.Object(policy, documents().Can("read"), show, caller) },
		"Mux(GET /a).layers[1]":           func() { authz.NewMux(policy).Handle("GET /a", authz.Public("x"), ok(), kinded("x"), caller) },
	} {
		mustRefuse(t, place, reason, register)
		if text := fmt.Sprint(refusal(t, register)); !strings.Contains(text, "layers[") || !strings.Contains(text, "]: ratelimit(caller): counts") {
			t.Errorf("%s does not name the limit", text)
		}
	}
	caller.AuthOutside = true
	authz.Object(policy, documents().Can("read"), show, caller)
}

// A layer that cannot be compared does not break a registration.
type uncomparable struct{ names []string }

func (u uncomparable) Build() (bulwark.Layer, error)       { return u, nil }
func (u uncomparable) Wrap(next http.Handler) http.Handler { return next }
func (u uncomparable) LimitName() string                   { return u.names[0] }
func (u uncomparable) Shutdown(context.Context) error      { return errors.New(u.names[0]) }

func TestUncomparableLayers(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /a", authz.Public("x"), ok(), uncomparable{[]string{"a"}})
	mux.Handle("GET /b", authz.Public("x"), ok(), uncomparable{[]string{"b"}})
	mustRefuse(t, "Mux(GET /c).layers[0]", "the name of a limit on GET /a", func() { mux.Handle("GET /c", authz.Public("x"), ok(), uncomparable{[]string{"a"}}) })
	if err := mux.Shutdown(t.Context()); err == nil || err.Error() != "a\nb" {
		t.Errorf("Shutdown: %v", err)
	}
}

// ServeMux takes no pattern back: of a Mount that conflicts, the patterns
// before the conflict stay, behind their rule.
func TestMountThatConflicts(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	mux.Handle("POST /m/", authz.Public("x"), ok())
	mustRefuse(t, "Mux(/m/)", `conflicts with pattern "POST /m/"`, func() { mux.Mount("/m/", authz.RequireRole("moderator"), ok()) })
	forbidden.check(t, mux, request("GET", "/m/x", as("alice", "user")))
	c := guide()
	c.Roles["guest"] = authz.Role{}
	if err := policy.Replace(c); err != nil {
		t.Fatal(err)
	}
	forbidden.check(t, mux, request("GET", "/m/x", as("alice", "user")))
	delete(c.Roles, "moderator")
	if err := policy.Replace(c); !hasFault(err, "authz.Policy(GET /m/)", "moderator is not a role of the policy") || hasFault(err, "authz.Policy(POST /m/)", "moderator") {
		t.Errorf("Replace: %v", err)
	}
}

// The memory of a registration does not grow with the routes that are there.
// The policy once copied all rules for each route.
func TestRegistrationsTakeLinearMemory(t *testing.T) {
	taken := func(n int) uint64 {
		mux := authz.NewMux(mustPolicy(t, guide()))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range n {
			mux.Handle(fmt.Sprintf("GET /r%d/{id}", i), authz.RequireRole("admin"), ok(), authz.SlashIn("id"))
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := taken(500), taken(4000)
	if many > 16*few { // 8 times, and what a growing slice leaves behind; it was 50 times
		t.Errorf("500 routes take %d bytes, and 8 times as many %d", few, many)
	}
}

// Routes are added, refused and compiled anew while others are served.
func TestRegistrationsWhileServing(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	admins := authz.RequireRole("admin")
	mux.Handle("GET /first/{id}", admins, ok(), authz.SlashIn("id"))
	served, done := make(chan struct{}), make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				if code := get(mux, "/first/a%2Fb", as("alice", "user")).Code; code != 403 {
					t.Errorf("alice: %d", code)
				}
				if code := get(mux, "/first/a%2Fb", as("root", "admin")).Code; code != 200 {
					t.Errorf("root: %d", code)
				}
				if i == 0 {
					served <- struct{}{}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	<-served
	<-served
	for i := range 100 {
		open := fmt.Sprintf("GET /open%d/{id}", i)
		mux.Handle(open, authz.Public("x"), ok(), authz.SlashIn("id"))
		if refusalOf(func() { mux.Handle(open, authz.Public("x"), ok()) }) == nil {
			t.Error("a second route of the same pattern is accepted")
		}
		mux.Handle(fmt.Sprintf("GET /admin%d/{id}", i), admins, ok())
		if i%10 == 0 {
			if err := policy.Replace(guide()); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	readers.Wait()
	for i := range 100 {
		for path, code := range map[string]int{"open": 200, "admin": 403} {
			if got := get(mux, fmt.Sprintf("/%s%d/1", path, i), as("alice", "user")).Code; got != code {
				t.Fatalf("/%s%d: %d, want %d", path, i, got, code)
			}
		}
	}
}
