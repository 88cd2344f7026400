package authz_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
)

// sampled is a policy with engines whose allowed decisions are events.
func sampled(t *testing.T, n int) *authz.Policy {
	t.Helper()
	c := sharedPolicy()
	c.SampleAllows = n
	return mustPolicy(t, c)
}

// Each way to let a caller in is one decision, with what it was based on.
func TestSampleAllows(t *testing.T) {
	policy := sampled(t, 1)
	res := sharedDocuments(sharing("2"), denying())
	res.Policy = policy
	yes := answering(authz.Decision{Allowed: true, ID: "d-1", Reason: "mem\nber"}, nil)
	mux := authz.NewMux(policy)
	nothing := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	mux.Handle("GET /health", authz.Public("liveness"), ok())
	mux.Handle("GET /me", authz.Authenticated(), ok())
	mux.Handle("GET /role", authz.RequireRole("user"), ok())
	mux.Handle("GET /permission", authz.Require("document:read:own", "user:read:own"), ok())
	mux.Handle("GET /any", authz.Any(authz.RequireRole("admin"), authz.Require("document:read:own")), ok())
	mux.Handle("GET /all", authz.All(authz.RequireRole("moderator"), authz.Require("document:read:all")), ok())
	mux.Handle("GET /ask", authz.Authenticated().Ask(yes, "report", "run"), ok())
	mux.Mount("/debug/", authz.RequireRole("admin"), ok())
	authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), nothing)
	authz.HandleObject(mux, "PUT /documents/{id}", res.Can("update"), nothing)
	authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, []*document{})
	})
	authz.HandleCreate(mux, "POST /documents", res.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*document) (authz.Granted[*document], error)) {
		if _, err := check(&document{OwnerID: "alice"}); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	mux.Handle("GET /check", authz.Public("checks itself"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := shelf["1"]
		if _, err := res.Check(r, "read", &d); err != nil {
			bulwark.Deny(w, r, err)
		}
	}))
	one := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.RequireRole("user")}))
	theirs := http.NewServeMux()
	theirs.Handle("GET /guarded", ok())
	guard := bulwark.Must(authz.Guard(theirs, policy, map[string]authz.Rule{"GET /guarded": authz.RequireRole("user")}))
	checked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := one.Check(r); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	object := http.NewServeMux()
	object.Handle("GET /documents/{id}", authz.Object(policy, res.Can("read"), nothing))

	alice := as("alice", "unheard-of", "viewer", "user")
	if w := get(mux, "/me", alice); w.Code != 200 { // reports the unknown role, once
		t.Fatal(w.Code)
	}
	for name, test := range map[string]struct {
		h                            http.Handler
		method, path                 string
		caller                       *bulwark.Principal
		rule, role, grants, decision string
		object                       bool
	}{
		"authenticated": {mux, "GET", "/me", alice, "authenticated", "", "", "", false},
		"role":          {mux, "GET", "/role", as("bob", "moderator"), "role user", "moderator", "", "", false},
		"permission":    {mux, "GET", "/permission", alice, "permission document:read:own+user:read:own", "user", "read:own", "", false},
		"any":           {mux, "GET", "/any", alice, "any of (role admin; permission document:read:own)", "user", "read:own", "", false},
		"all":           {mux, "GET", "/all", as("bob", "moderator"), "all of (role moderator; permission document:read:all)", "moderator", "read:all", "", false},
		"ask":           {mux, "GET", "/ask", alice, "authenticated, engine report:run", "", "", `d-1: mem\x0aber`, false},
		"mount":         {mux, "GET", "/debug/x", as("root", "admin"), "role admin", "admin", "", "", false},
		"own":           {mux, "GET", "/documents/1", alice, "object document:read", "user", "read:own", "", true},
		"head":          {mux, "HEAD", "/documents/1", alice, "object document:read", "user", "read:own", "", true},
		"engine":        {mux, "GET", "/documents/2", as("carol", "user", "viewer"), "object document:read", "viewer", "document:read:shared", "", true},
		"predicate":     {mux, "GET", "/documents/2", inTenant("acme", "carol", "viewer", "tenant"), "object document:read", "tenant", "document:read:tenant", "", true},
		"everything":    {mux, "GET", "/documents/3", as("root", "user", "admin"), "object document:read", "admin", "*", "", true},
		"inherited":     {mux, "PUT", "/documents/1", as("alice", "friend"), "object document:update", "friend", "update:own", "", true},
		"list":          {mux, "GET", "/documents", alice, "list document:read", "viewer", "document:read:shared", "", false},
		"create":        {mux, "POST", "/documents", alice, "create document:create", "user", "document:create:own", "", true},
		"check":         {mux, "GET", "/check", alice, "object document:read", "user", "read:own", "", true},
		"config":        {one.Wrap(ok()), "GET", "/x", alice, "role user", "user", "", "", false},
		"config_check":  {checked, "GET", "/x", alice, "role user", "user", "", "", false},
		"guard":         {guard, "GET", "/guarded", alice, "role user", "user", "", "", false},
		"object":        {object, "GET", "/documents/1", alice, "object document:read", "user", "read:own", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := serve(rec.Wrap(test.h), request(test.method, test.path, test.caller))
			events := rec.Take()
			if w.Code != 200 || len(events) != 1 {
				t.Fatalf("status %d, events %+v", w.Code, events)
			}
			e := events[0]
			if e.Name != bulwark.AuthzAllow || e.Level != slog.LevelInfo || e.Reason != "authz.allowed" || e.Status != 0 || e.Rule != test.rule || e.UserID != test.caller.Subject {
				t.Errorf("event %+v", e)
			}
			if attr(e, "role") != test.role || attr(e, "grants") != test.grants || attr(e, "decision") != test.decision || (len(attr(e, "object")) == 16) != test.object {
				t.Errorf("attributes %v", e.Attrs)
			}
		})
	}
	var rec bulwarktest.Recorder
	if w := get(rec.Wrap(mux), "/health", nil); w.Code != 200 || len(rec.Take()) != 0 {
		t.Error("a public route decided something")
	}
	for _, refused := range []*http.Request{
		request("GET", "/role", as("x")), request("GET", "/documents/4", alice), request("GET", "/documents/99", alice), request("GET", "/me", nil),
	} {
		serve(rec.Wrap(mux), refused)
		if events := rec.Take(); len(events) != 1 || events[0].Name != bulwark.AuthzFail {
			t.Errorf("%s: events %+v", refused.URL, events)
		}
	}
}

// One of so many decisions is an event, in their order. Replace changes the
// number.
func TestSampleOfSoMany(t *testing.T) {
	policy := sampled(t, 3)
	mux := authz.NewMux(policy)
	mux.Handle("GET /me", authz.Authenticated(), ok())
	var rec bulwarktest.Recorder
	h := rec.Wrap(mux)
	events := func() (pattern string) {
		for range 6 {
			get(h, "/me", as("alice"))
			pattern += map[int]string{0: "-", 1: "x"}[len(rec.Take())]
		}
		return pattern
	}
	if got := events(); got != "--x--x" {
		t.Errorf("one of three: %s", got)
	}
	for n, want := range map[int]string{0: "------", 1: "xxxxxx"} {
		c := sharedPolicy()
		c.SampleAllows = n
		if err := policy.Replace(c); err != nil {
			t.Fatal(err)
		}
		if got := events(); got != want {
			t.Errorf("one of %d: %s", n, got)
		}
	}
	c := sharedPolicy()
	c.SampleAllows = -1
	if _, err := authz.NewPolicy(c); !hasFault(err, "authz.SampleAllows", "is negative") {
		t.Errorf("a negative number: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"sampleAllows": 7}`), &c); err != nil || c.SampleAllows != 7 {
		t.Errorf("%d %v", c.SampleAllows, err)
	}
	if text, err := json.Marshal(sharedPolicy()); err != nil || strings.Contains(string(text), "ample") {
		t.Errorf("%s %v", text, err)
	}
}

// Routes without engines and without samples cost what they cost before.
func TestEnginesCostOthersNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	count := func(h http.Handler, path string, p *bulwark.Principal) float64 {
		r := scoped(request("GET", path, nil), p)
		w := nothing{http.Header{}}
		return testing.AllocsPerRun(200, func() { h.ServeHTTP(w, r) })
	}
	// An object that the policy reaches, with engines on its resource.
	plain := authz.NewMux(mustPolicy(t, tenantPolicy()))
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	authz.HandleObject(plain, "GET /documents/{id}", tenants().Can("read"), show)
	with := authz.NewMux(mustPolicy(t, sharedPolicy()))
	authz.HandleObject(with, "GET /documents/{id}", sharedDocuments(failing(), failing()).Can("read"), show)
	if got, want := count(with, "/documents/1", as("alice", "friend")), count(plain, "/documents/1", as("alice", "user")); got > want {
		t.Errorf("an object that the policy reaches: %v allocations beside engines, %v without", got, want)
	}
	// A part of a rule that needs no engine.
	rules := authz.NewMux(mustPolicy(t, guide()))
	spy := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	rules.Handle("GET /plain", authz.Any(authz.RequireRole("admin"), authz.Authenticated()), spy)
	if got := count(rules, "/plain", as("alice", "user")); got > 0 {
		t.Errorf("a rule without an engine: %v allocations", got)
	}
}
