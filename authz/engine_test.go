package authz_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// An oracle is an engine of the tests. It keeps what it was asked.
type oracle struct {
	answer func(ctx context.Context, q *authz.Query) (authz.Decision, error)

	mu    sync.Mutex
	asked []string
}

func (o *oracle) Decide(ctx context.Context, q *authz.Query) (authz.Decision, error) {
	o.note(*q)
	return o.answer(ctx, q)
}

func (o *oracle) note(q authz.Query) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, fmt.Sprintf("%s %s:%s:%s %s %v", q.Principal.Subject, q.Resource, q.Action, q.Reach, q.ID, q.Properties))
}

// take returns what the engine was asked, and forgets it.
func (o *oracle) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := o.asked
	o.asked = nil
	return asked
}

// answering makes an engine that always gives one answer.
func answering(d authz.Decision, err error) *oracle {
	return &oracle{answer: func(context.Context, *authz.Query) (authz.Decision, error) { return d, err }}
}

var (
	errEngine = errors.New("dial 10.0.0.9: refused")
	allow     = authz.Decision{Allowed: true, ID: "d-1", Reason: "member"}
	deny      = authz.Decision{ID: "d-2", Reason: "not a member"}
)

func allowing() *oracle { return answering(allow, nil) }
func denying() *oracle  { return answering(deny, nil) }
func failing() *oracle  { return answering(authz.Decision{}, errEngine) }

// hanging ends with its context, and flattens the error as some clients do.
func hanging() *oracle {
	return &oracle{answer: func(ctx context.Context, _ *authz.Query) (authz.Decision, error) {
		<-ctx.Done()
		return authz.Decision{}, errors.New("call failed: " + ctx.Err().Error())
	}}
}

func panicking(value any) *oracle {
	return &oracle{answer: func(context.Context, *authz.Query) (authz.Decision, error) { panic(value) }}
}

// sharedPolicy has two reaches that engines decide.
func sharedPolicy() authz.PolicyConfig {
	c := guide()
	c.Reaches = []string{"tenant", "shared", "team"}
	c.Roles["friend"] = authz.Role{Inherits: []string{"user"}, Grants: []string{"document:read:shared", "document:update:shared"}}
	c.Roles["viewer"] = authz.Role{Grants: []string{"document:read:shared"}}
	c.Roles["editor"] = authz.Role{Grants: []string{"document:read:all", "document:update:shared"}}
	c.Roles["writer"] = authz.Role{Grants: []string{"document:update:shared"}}
	c.Roles["mate"] = authz.Role{Grants: []string{"document:read:shared", "document:read:team"}}
	c.Roles["tenant"] = authz.Role{Grants: []string{"document:read:tenant", "document:update:shared"}}
	c.Roles["maker"] = authz.Role{Grants: []string{"document:create:shared"}}
	return c
}

func sharedDocuments(shared, team authz.Engine) authz.Resource[*document] {
	res := tenants()
	res.Engines = map[string]authz.Engine{"shared": shared, "team": team}
	res.ID = func(d *document) string { return d.ID }
	return res
}

// sharedMux serves documents that engines share, and tells what handlers ran.
func sharedMux(t *testing.T, shared, team authz.Engine) (*authz.Mux, *[]string) {
	t.Helper()
	ran := new([]string)
	mux := authz.NewMux(mustPolicy(t, sharedPolicy()))
	res := sharedDocuments(shared, team)
	for method, action := range map[string]string{"GET": "read", "PUT": "update"} {
		authz.HandleObject(mux, method+" /documents/{id}", res.Can(action), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
			*ran = append(*ran, action+" "+d.Value().ID)
			if got, err := d.For(r.Context(), action); err != nil || got != d.Value() {
				t.Errorf("the grant does not hold: %v", err)
			}
		})
	}
	return mux, ran
}

var unavailable = want{status: 503, code: "authz.engine_unavailable", event: bulwark.SysUnavailable, header: map[string]string{"Retry-After": "1"}}

func notWithin() want {
	w := forbidden
	w.reason = "authz.not_within_reach"
	return w
}

// Only an explicit yes of an engine reaches an object that the policy does not.
func TestEngineReaches(t *testing.T) {
	const hasRead, hasUpdate = "carol document:read:shared 2 map[]", "carol document:update:shared 2 map[]"
	tenant := inTenant("acme", "carol", "tenant")
	for _, test := range []struct {
		name, method, id string
		caller           *bulwark.Principal
		shared, team     *oracle
		want             want
		decision         string
		asked            []string // of shared, then of team
	}{
		{"allow", "GET", "2", as("carol", "friend"), allowing(), nil, want{}, "", []string{hasRead}},
		{"allow_head", "HEAD", "2", as("carol", "friend"), allowing(), nil, want{}, "", []string{hasRead}},
		{"allow_update", "PUT", "2", as("carol", "friend"), allowing(), nil, want{}, "", []string{hasUpdate}},
		{"deny", "GET", "2", as("carol", "friend"), denying(), nil, hidden("authz.not_readable"), "d-2: not a member", []string{hasRead}},
		{"deny_update", "PUT", "2", as("carol", "friend"), denying(), nil, hidden("authz.not_readable"), "d-2: not a member; d-2: not a member", []string{hasUpdate, hasRead}},
		{"fail", "GET", "2", as("carol", "friend"), failing(), nil, unavailable, "", []string{hasRead}},
		{"fail_update", "PUT", "2", as("carol", "friend"), failing(), nil, unavailable, "", []string{hasUpdate}},
		{"allowed_with_error", "GET", "2", as("carol", "viewer"), answering(allow, errEngine), nil, unavailable, "", []string{hasRead}},
		{"zero_decision", "GET", "2", as("carol", "viewer"), answering(authz.Decision{}, nil), nil, hidden("authz.not_readable"), "", []string{hasRead}},
		// An error that reads like the end of a client's body is still ours.
		{"fail_by_a_limit", "GET", "2", as("carol", "viewer"), answering(authz.Decision{}, &http.MaxBytesError{Limit: 9}), nil, unavailable, "", []string{hasRead}},
		{"panic", "GET", "2", as("carol", "viewer"), panicking("secret"), nil, unavailable, "", []string{hasRead}},
		{"panic_abort", "GET", "2", as("carol", "viewer"), panicking(http.ErrAbortHandler), nil, unavailable, "", []string{hasRead}},

		// The policy is enough.
		{"owner", "GET", "2", as("mallory", "friend"), failing(), nil, want{}, "", nil},
		{"all", "GET", "2", as("root", "admin"), failing(), failing(), want{}, "", nil},
		{"tenant", "GET", "2", tenant, failing(), nil, want{}, "", nil},
		{"no_grant", "GET", "2", as("carol", "user"), allowing(), nil, hidden("authz.not_readable"), "", nil},
		{"no_role", "GET", "2", as("carol"), allowing(), nil, forbidden, "", nil},
		{"anonymous", "GET", "2", nil, allowing(), nil, unauthenticated, "", nil},
		{"half_known", "GET", "2", &bulwark.Principal{Subject: "carol", Roles: []string{"friend"}}, allowing(), nil, unauthenticated, "", nil},
		{"missing", "GET", "99", as("carol", "friend"), failing(), nil, hidden("authz.not_found"), "", nil},

		// Readable by the policy, so that a refusal is 403.
		{"readable_and_denied", "PUT", "2", as("carol", "editor"), denying(), nil, notWithin(), "d-2: not a member", []string{hasUpdate}},
		{"readable_and_failed", "PUT", "2", as("carol", "editor"), failing(), nil, unavailable, "", []string{hasUpdate}},
		{"not_readable_and_denied", "PUT", "2", as("carol", "writer"), denying(), nil, hidden("authz.not_readable"), "d-2: not a member", []string{hasUpdate}},
		// Readable by the engine.
		{"engine_reads_only", "PUT", "2", as("carol", "friend"), reading(allow, deny), nil, notWithin(), "d-2: not a member", []string{hasUpdate, hasRead}},

		// Two engines: one yes is enough.
		{"second_allows", "GET", "2", as("carol", "mate"), denying(), allowing(), want{}, "", []string{hasRead, "carol document:read:team 2 map[]"}},
		{"second_allows_an_outage", "GET", "2", as("carol", "mate"), failing(), allowing(), want{}, "", []string{hasRead, "carol document:read:team 2 map[]"}},
		{"second_fails", "GET", "2", as("carol", "mate"), denying(), failing(), unavailable, "", []string{hasRead, "carol document:read:team 2 map[]"}},
		{"second_denies_an_outage", "GET", "2", as("carol", "mate"), failing(), denying(), unavailable, "", []string{hasRead, "carol document:read:team 2 map[]"}},
		{"first_is_enough", "GET", "2", as("carol", "mate"), allowing(), failing(), want{}, "", []string{hasRead}},
		{"both_deny", "GET", "2", as("carol", "mate"), denying(), denying(), hidden("authz.not_readable"), "d-2: not a member; d-2: not a member", []string{hasRead, "carol document:read:team 2 map[]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.team == nil {
				test.team = denying()
			}
			mux, ran := sharedMux(t, test.shared, test.team)
			r := request(test.method, "/documents/"+test.id, test.caller)
			if test.want.status == 0 {
				var rec bulwarktest.Recorder
				if w := serve(rec.Wrap(mux), r); w.Code != 200 || len(*ran) != 1 || len(rec.Take()) != 0 {
					t.Errorf("%d, handlers %v", w.Code, *ran)
				}
			} else {
				e := test.want.check(t, mux, r)
				if got := attr(e, "decision"); got != test.decision {
					t.Errorf("decision %q, want %q", got, test.decision)
				}
				if test.want.status == 503 && (e.Level != slog.LevelError || e.Rule != "object document:"+map[string]string{"GET": "read", "PUT": "update"}[test.method] || strings.Contains(fmt.Sprint(e), "secret")) {
					t.Errorf("event %+v", e)
				}
				if len(*ran) != 0 {
					t.Errorf("the handler ran: %v", *ran)
				}
			}
			if asked := append(test.shared.take(), test.team.take()...); !slices.Equal(asked, test.asked) {
				t.Errorf("asked %q, want %q", asked, test.asked)
			}
		})
	}
}

// reading is an engine that answers the action read in its own way.
func reading(read, other authz.Decision) *oracle {
	return &oracle{answer: func(_ context.Context, q *authz.Query) (authz.Decision, error) {
		if q.Action == "read" {
			return read, nil
		}
		return other, nil
	}}
}

// An object that an engine hides looks like an object that does not exist.
func TestHiddenByAnEngineIsMissing(t *testing.T) {
	mux, _ := sharedMux(t, denying(), denying())
	answer := func(method, id string) string {
		w := serve(mux, request(method, "/documents/"+id, as("carol", "friend")))
		return instance.ReplaceAllString(fmt.Sprint(w.Code, w.Header(), w.Body), "")
	}
	for _, method := range []string{"GET", "HEAD", "PUT"} {
		if there, missing := answer(method, "2"), answer(method, "99"); there != missing || !strings.HasPrefix(there, "404") {
			t.Errorf("%s tells them apart:\n%s\n%s", method, there, missing)
		}
	}
}

// What an engine says reaches the log, bounded, and never the client.
func TestEngineTextsInEvents(t *testing.T) {
	for name, d := range map[string]struct {
		authz.Decision
		want string
	}{
		"id_alone":           {authz.Decision{ID: "d-7"}, "d-7"},
		"reason_alone":       {authz.Decision{Reason: "blocked"}, "blocked"},
		"forged_line":        {authz.Decision{ID: "d\n{\"event\":\"x\"}", Reason: "a\u202eb"}, `d\x0a{"event":"x"}: a\u202eb`},
		"long":               {authz.Decision{ID: strings.Repeat("i", 65), Reason: strings.Repeat("r", 1<<20)}, strings.Repeat("i", 64) + "…: " + strings.Repeat("r", 128) + "…"},
		"cut_in_a_character": {authz.Decision{ID: strings.Repeat("i", 63) + "é"}, strings.Repeat("i", 63) + "…"},
		"not_UTF-8":          {authz.Decision{ID: "\xff"}, `\xff`},
	} {
		t.Run(name, func(t *testing.T) {
			mux, _ := sharedMux(t, answering(d.Decision, nil), denying())
			var rec bulwarktest.Recorder
			w := get(rec.Wrap(mux), "/documents/2", as("carol", "viewer"))
			events := rec.Take()
			if len(events) != 1 || attr(events[0], "decision") != d.want {
				t.Errorf("events %+v", events)
			}
			for _, text := range []string{d.ID, d.Reason} {
				if text != "" && (strings.Contains(w.Body.String(), text) || strings.Contains(fmt.Sprint(w.Header()), text)) {
					t.Errorf("the client sees %q", text)
				}
			}
		})
	}
	mux, _ := sharedMux(t, failing(), denying())
	var rec bulwarktest.Recorder
	w := get(rec.Wrap(mux), "/documents/2", as("carol", "viewer"))
	if e := rec.Take(); len(e) != 1 || !strings.Contains(attr(e[0], "error"), "10.0.0.9") || strings.Contains(w.Body.String(), "10.0.0.9") {
		t.Errorf("events %+v, body %s", e, w.Body)
	}
}

// An engine that hangs is an outage at the deadline. A shorter deadline of the
// request stays.
func TestEngineDeadline(t *testing.T) {
	for name, limit := range map[string]time.Duration{"own": 5 * time.Second, "of_the_request": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux, _ := sharedMux(t, hanging(), hanging())
				r := request("GET", "/documents/2", as("carol", "mate")) // two engines
				ctx := r.Context()
				if name == "of_the_request" {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, limit)
					defer cancel()
				}
				began := time.Now()
				unavailable.check(t, mux, r.WithContext(ctx))
				if took := time.Since(began); took != limit {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// An answer after the deadline is no grant, whatever it says.
func TestLateAnswerOfAnEngine(t *testing.T) {
	late := func(d authz.Decision) *oracle {
		return &oracle{answer: func(ctx context.Context, _ *authz.Query) (authz.Decision, error) {
			<-ctx.Done()
			return d, nil
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		mux, _ := sharedMux(t, late(allow), denying())
		unavailable.check(t, mux, request("GET", "/documents/2", as("carol", "viewer")))
		mux, _ = sharedMux(t, late(deny), denying())
		hidden("authz.not_readable").check(t, mux, request("GET", "/documents/2", as("carol", "viewer")))
	})
}

// A client that leaves is not an outage, and not an event.
func TestClientLeavesAnEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux, ran := sharedMux(t, hanging(), denying())
		ctx, leave := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", "http://example.com/documents/2", nil)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, leave)
		var rec bulwarktest.Recorder
		w := serve(rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, _ = bulwark.Identify(r, as("carol", "viewer"))
			mux.ServeHTTP(w, r)
		})), r)
		if w.Code != 499 || len(rec.Take()) != 0 || len(*ran) != 0 {
			t.Errorf("status %d, events %+v, handlers %v", w.Code, rec.Events(), *ran)
		}
	})
}

// An id that no engine can know is within no reach of an engine, also at its
// bounds.
func TestEngineIDs(t *testing.T) {
	for name, test := range map[string]struct {
		id   string
		asks bool
	}{
		"empty": {"", false}, "one": {"1", true}, "most": {strings.Repeat("x", 1024), true}, "too_long": {strings.Repeat("x", 1025), false},
		"not_UTF-8": {"a\xff", false}, "control": {"a\nb", true},
	} {
		t.Run(name, func(t *testing.T) {
			shared := allowing()
			res := sharedDocuments(shared, denying())
			res.ID = func(*document) string { return test.id }
			res.Properties = func(d *document) map[string]any { return map[string]any{"owner": d.OwnerID} }
			mux := authz.NewMux(mustPolicy(t, sharedPolicy()))
			authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
			r := request("GET", "/documents/2", as("carol", "viewer"))
			if !test.asks {
				if e := hidden("authz.not_readable").check(t, mux, r); attr(e, "decision") != "" {
					t.Errorf("event %+v", e)
				}
			} else if w := serve(mux, r); w.Code != 200 {
				t.Errorf("status %d", w.Code)
			}
			want := []string{"carol document:read:shared " + test.id + " map[owner:mallory]"}
			if got := shared.take(); test.asks != slices.Equal(got, want) || !test.asks && len(got) > 0 {
				t.Errorf("asked %q", got)
			}
		})
	}
}

// New objects and objects that a handler has already are asked about as well.
func TestEnginesOfCreateAndCheck(t *testing.T) {
	for name, test := range map[string]struct {
		shared *oracle
		owner  string
		status int
		want   want
		asked  int
	}{
		"allow": {allowing(), "bob", 201, want{}, 1}, "deny": {denying(), "bob", 0, notWithin(), 1},
		"fail": {failing(), "bob", 0, unavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			policy := mustPolicy(t, sharedPolicy())
			res := sharedDocuments(test.shared, denying())
			res.Policy = policy
			mux := authz.NewMux(policy)
			answer := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*document], err error) {
				if err != nil {
					bulwark.Deny(w, r, err)
					return
				}
				if _, err := g.For(r.Context(), "create"); err != nil {
					t.Error(err)
				}
				w.WriteHeader(http.StatusCreated)
			}
			authz.HandleCreate(mux, "POST /documents", res.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*document) (authz.Granted[*document], error)) {
				g, err := check(&document{ID: "new", OwnerID: test.owner})
				answer(w, r, g, err)
			})
			mux.Handle("POST /late", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				g, err := res.Check(r, "create", &document{ID: "new", OwnerID: test.owner})
				answer(w, r, g, err)
			}))
			for _, path := range []string{"/documents", "/late"} {
				r := request("POST", path, as("carol", "maker", "viewer"))
				if test.status == 0 {
					test.want.check(t, mux, r)
				} else if w := serve(mux, r); w.Code != test.status {
					t.Errorf("%s: status %d", path, w.Code)
				}
				// Nobody asks whether a new object can be read.
				if asked := test.shared.take(); len(asked) != test.asked || asked[0] != "carol document:create:shared new map[]" {
					t.Errorf("%s: asked %q", path, asked)
				}
			}
		})
	}

	shared := reading(allow, deny)
	res := sharedDocuments(shared, denying())
	res.Policy = mustPolicy(t, sharedPolicy())
	d := &document{ID: "2", OwnerID: "mallory"}
	var p *bulwark.Problem
	if _, err := res.Check(request("GET", "/", as("carol", "friend")), "update", d); !errors.As(err, &p) || p.Status != 403 {
		t.Errorf("Check of an object that the caller may read: %v", err)
	}
	if g, err := res.Check(request("GET", "/", as("carol", "friend")), "read", d); err != nil || g.Value() != d {
		t.Errorf("Check: %v", err)
	}
	res.ID = nil
	if _, err := res.Check(request("GET", "/", as("carol", "friend")), "read", d); err == nil || !strings.Contains(err.Error(), "set Resource.ID") {
		t.Errorf("Check without ID: %v", err)
	}
}

func TestWrongEnginesPanic(t *testing.T) {
	policy := mustPolicy(t, sharedPolicy())
	mux := authz.NewMux(policy)
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	with := func(change func(res *authz.Resource[*document])) authz.Access[*document] {
		res := sharedDocuments(allowing(), allowing())
		change(&res)
		return res.Can("read")
	}
	var none *oracle
	for name, test := range map[string]struct {
		access authz.Access[*document]
		reason string
	}{
		"no_id":       {with(func(res *authz.Resource[*document]) { res.ID = nil }), "Engines and without ID; set Resource.ID"},
		"nil":         {with(func(res *authz.Resource[*document]) { res.Engines["team"] = nil }), "Engines[team] is nil"},
		"typed_nil":   {with(func(res *authz.Resource[*document]) { res.Engines["team"] = none }), "Engines[team] is nil"},
		"undeclared":  {with(func(res *authz.Resource[*document]) { res.Engines["taem"] = allowing() }), "did you mean team?"},
		"own":         {with(func(res *authz.Resource[*document]) { res.Engines["own"] = allowing() }), "engine for the reach own, which is not in PolicyConfig.Reaches"},
		"all":         {with(func(res *authz.Resource[*document]) { res.Engines["all"] = allowing() }), "engine for the reach all, which is not in PolicyConfig.Reaches"},
		"both":        {with(func(res *authz.Resource[*document]) { res.Engines["tenant"] = allowing() }), "has tenant in both Reaches and Engines"},
		"policy":      {with(func(res *authz.Resource[*document]) { res.Engines["team"] = policy.Engine() }), "Engines[team] is the policy"},
		"neither":     {with(func(res *authz.Resource[*document]) { delete(res.Engines, "shared") }), "no predicate for shared, and Resource.Engines no engine"},
		"match_alone": {with(func(res *authz.Resource[*document]) { res.Match["x"] = tenantOf }), "no entry in Reaches or Engines"},
	} {
		t.Run(name, func(t *testing.T) {
			mustRefuse(t, "Mux(GET /x)", test.reason, func() { authz.HandleObject(mux, "GET /x", test.access, show) })
		})
	}
	// Can takes a copy.
	res := sharedDocuments(denying(), denying())
	access := res.Can("read")
	res.Engines["shared"] = allowing()
	authz.HandleObject(mux, "GET /documents/{id}", access, show)
	hidden("authz.not_readable").check(t, mux, request("GET", "/documents/2", as("carol", "viewer")))
	// A later policy may not grant a reach that nothing decides.
	c := sharedPolicy()
	c.Reaches = append(c.Reaches, "project")
	c.Roles["viewer"] = authz.Role{Grants: []string{"document:read:project"}}
	if err := policy.Replace(c); !hasFault(err, "authz.Policy(GET /documents/{id})", "no predicate for project") {
		t.Errorf("Replace: %v", err)
	}
	for _, route := range mux.Routes() {
		if route.Weak != "" || !slices.Contains(route.Roles, "friend (own+shared)") || !route.Admits("viewer") {
			t.Errorf("route %+v", route)
		}
	}
}

// A policy as an engine answers about all objects, and never about a part.
func TestPolicyAsAnEngine(t *testing.T) {
	policy := mustPolicy(t, sharedPolicy())
	e := policy.Engine()
	for name, test := range map[string]struct {
		q    authz.Query
		want bool
	}{
		"all":           {authz.Query{Principal: as("a", "editor"), Resource: "document", Action: "read"}, true},
		"all_by_reach":  {authz.Query{Principal: as("a", "editor"), Resource: "document", Action: "read", Reach: "shared", ID: "2"}, true},
		"shared_alone":  {authz.Query{Principal: as("a", "viewer"), Resource: "document", Action: "read", Reach: "shared", ID: "2"}, false},
		"own_alone":     {authz.Query{Principal: as("a", "user"), Resource: "document", Action: "read", Reach: "own"}, false},
		"nobody":        {authz.Query{Resource: "document", Action: "read"}, false},
		"unknown_words": {authz.Query{Principal: as("a", "admin"), Resource: "report", Action: "run"}, false},
	} {
		d, err := e.Decide(t.Context(), &test.q)
		all, allErr := e.(authz.BatchEngine).DecideAll(t.Context(), []authz.Query{test.q})
		if err != nil || allErr != nil || d.Allowed != test.want || len(all) != 1 || all[0].Allowed != test.want {
			t.Errorf("%s: %v, %v, %v, %v", name, d, err, all, allErr)
		}
	}
	if d, err := (*authz.Policy)(nil).Engine().Decide(t.Context(), &authz.Query{Principal: as("a", "admin"), Resource: "document", Action: "read"}); d.Allowed || err != nil {
		t.Errorf("a nil policy: %v, %v", d, err)
	}
}

// Many requests at once, each with its own answer.
func TestEnginesConcurrently(t *testing.T) {
	shared := &oracle{answer: func(_ context.Context, q *authz.Query) (authz.Decision, error) {
		switch q.Principal.Subject[0] {
		case 'a':
			return allow, nil
		case 'p':
			panic(q.ID)
		}
		return deny, nil
	}}
	res := sharedDocuments(shared, denying())
	policy := mustPolicy(t, sharedPolicy())
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	mux.Handle("GET /report", authz.Any(authz.RequireRole("admin"), authz.Authenticated().Ask(shared, "report", "run")), ok())
	var rec bulwarktest.Recorder
	h := rec.Wrap(mux)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for range 20 {
				for path, status := range map[string][3]int{"/documents/2": {200, 404, 503}, "/report": {200, 403, 503}} {
					if w := get(h, path, as("adp"[i%3:i%3+1]+fmt.Sprint(i), "viewer")); w.Code != status[i%3] {
						t.Errorf("%s: status %d, want %d", path, w.Code, status[i%3])
					}
				}
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			if err := policy.Replace(sharedPolicy()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
}

// The questions of a decision share their time. When it is over, no engine is
// asked any more: an engine that was never asked in time would otherwise look
// as if it had failed, to a breaker in it and to its log.
func TestEngineIsNotAskedAfterTheDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		caller *bulwark.Principal
		first  *oracle
		want   want
	}{
		"object":      {"/documents/2", as("carol", "mate"), hanging(), unavailable},
		"list":        {"/documents", as("carol", "mate"), hanging(), unavailable},
		"rule":        {"/any", as("carol", "mate"), hanging(), unavailable},
		"late_denial": {"/documents/2", as("carol", "mate"), lateAnswer(deny), unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				second := allowing()
				mux, ran := sharedMux(t, test.first, second)
				res := sharedDocuments(test.first, second)
				authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
					_, err := res.Filter(r, reach, everything())
					bulwark.Deny(w, r, err)
				})
				mux.Handle("GET /any", authz.Any(authz.Authenticated().Ask(test.first, "report", "run"), authz.Authenticated().Ask(second, "report", "run")), ok())
				test.want.check(t, mux, request("GET", test.path, test.caller))
				if asked := second.take(); len(asked) > 0 || len(*ran) > 0 {
					t.Errorf("asked %q after the deadline, handlers %v", asked, *ran)
				}
			})
		})
	}
}

// lateAnswer is an engine that answers at the deadline.
func lateAnswer(d authz.Decision) *oracle {
	return &oracle{answer: func(ctx context.Context, _ *authz.Query) (authz.Decision, error) {
		<-ctx.Done()
		return d, nil
	}}
}
