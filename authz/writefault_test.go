package authz_test

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A handler that passes on a wrong grant gets a 500, and the client gets
// nothing of any object.
func TestWriteRefusesAWrongGrant(t *testing.T) {
	policy := profilePolicy(t)
	p := &profile{ID: "1", OwnerID: "alice", Email: "SECRET"}
	var kept authz.Granted[*profile]
	keeper := as("alice", "user")
	if w := get(profileMux(policy, p, func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) { kept = g }), "/profiles/1", keeper); w.Code != 200 {
		t.Fatal(w.Code)
	}
	for name, test := range map[string]struct {
		write  func(http.ResponseWriter, *http.Request, authz.Granted[*profile])
		caller *bulwark.Principal
		text   string
	}{
		"zero": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r, authz.Granted[*profile]{})
		}, keeper, "zero Granted"},
		"zero_with_a_value": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r, authz.Granted[*profile]{}.With(p))
		}, keeper, "zero Granted"},
		"another_request": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r, kept)
		}, keeper, "another request"},
		"another_caller": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r, kept)
		}, as("root", "admin"), "another caller"},
		"assumed": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r.WithContext(bulwark.WithPrincipal(r.Context(), as("mallory", "admin"))), g)
		}, keeper, "another caller"},
		"nobody": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r.WithContext(bulwark.WithPrincipal(r.Context(), nil)), g)
		}, keeper, "another caller"},
		"part_of_a_batch": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			part, _ := bulwark.Enter(r.Clone(r.Context()))
			authz.Write(w, part, g)
		}, keeper, "another request"},
		"nil": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r, g.With(nil))
		}, keeper, "nil object"},
	} {
		t.Run(name, func(t *testing.T) {
			mux := profileMux(policy, p, func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
				w.Header().Set("X-Handler", "SECRET")
				test.write(w, r, g)
			})
			for _, method := range []string{"GET", "HEAD"} {
				e := want{status: 500, code: "authz.wrong_grant", event: bulwark.SysUnavailable, header: map[string]string{"X-Handler": ""}}.
					check(t, mux, request(method, "/profiles/1", test.caller))
				if got := wanted(e); !strings.Contains(got, test.text) || strings.Contains(got, "SECRET") || e.Name.Level() != slog.LevelError {
					t.Errorf("error %q lacks %q, or level %v", got, test.text, e.Name.Level())
				}
			}
			if w := get(mux, "/profiles/1", test.caller); strings.Contains(w.Body.String(), "SECRET") {
				t.Error(w.Body)
			}
		})
	}
}

// alias is a profile with all its tags, and without a registration.
type alias profile

// An opaque writes a profile that its method sees.
type opaque struct{ p *profile }

func (c opaque) MarshalJSON() ([]byte, error) { return json.Marshal(c.p) }

// A type that nobody has registered is a mistake that the log explains.
func TestWriteRefusesATypeWithoutRegistration(t *testing.T) {
	unconfigured := want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable, header: map[string]string{"X-Handler": ""}}
	mux := authz.NewMux(mustPolicy(t, guide()))
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		w.Header().Set("X-Handler", "1")
		authz.Write(w, r, d)
	})
	e := unconfigured.check(t, mux, request("GET", "/documents/1", as("alice", "user")))
	if got := wanted(e); !strings.Contains(got, "authz.Fields[authz_test.document](policy)") {
		t.Errorf("error %q", got)
	}
	// Registered with another policy.
	if err := authz.Fields[document](mustPolicy(t, guide())); err == nil {
		t.Error("a type without tags is registered")
	}
	p := &profile{ID: "1", OwnerID: "alice", Role: "SECRET"}
	other := profileMux(mustPolicy(t, fieldsPolicy()), p, authz.Write[*profile])
	profilePolicy(t)
	unconfigured.check(t, other, request("GET", "/profiles/1", as("alice", "user")))

	// Inside a value that Write cannot know before.
	for name, v := range map[string]any{
		"struct": *p, "pointer": p, "slice": []*profile{p}, "map": map[string]any{"p": []any{p}},
		"embedded": struct {
			*profile
			More string
		}{p, ""},
		"untagged_around": struct{ P profile }{*p}, "alias": (*alias)(p), "method": opaque{p}, "method_within": []any{opaque{p}},
		"key": map[secretKey]int{{"SECRET"}: 1}, "key_of_interface": map[encoding.TextMarshaler]int{secretKey{"SECRET"}: 1},
		"key_of_pointer": map[encoding.TextMarshaler]int{&secretKey{"SECRET"}: 1},
	} {
		text, status := written(t, v)
		if status != 500 || strings.Contains(string(text), "SECRET") || !strings.Contains(string(text), "authz.unconfigured") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	// A list, even one that is empty.
	h, r := lists(t, mustPolicy(t, guide()), func(p *profile) (string, string) { return accounts, "alice" }, func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		w.Header().Set("X-Handler", "1")
		authz.WriteList(w, r, reach, []*profile{})
	})
	if e := unconfigured.check(t, h, r); !strings.Contains(wanted(e), "authz.Fields[authz_test.profile](policy)") {
		t.Errorf("error %q", wanted(e))
	}
}

// What an interface holds is filtered by its own registration. The owner of what
// is around it does not own it.
func TestWriteFiltersWhatAnInterfaceHolds(t *testing.T) {
	policy := profilePolicy(t)
	if err := authz.Fields[box](policy); err != nil {
		t.Fatal(err)
	}
	p := &profile{ID: "1", OwnerID: "alice", Tenant: "t", Email: "SECRET", Role: "SECRET", Hash: "SECRET"}
	const seen = `{"id":"1"}` // alice owns the box
	for name, test := range map[string]struct {
		v    any
		want string
	}{
		"pointer":   {p, seen},
		"value":     {*p, seen},
		"slice":     {[]profile{*p}, "[" + seen + "]"},
		"map":       {map[string]any{"a": []any{p, nil}}, `{"a":[` + seen + `,null]}`},
		"untagged":  {struct{ P [1]*profile }{[1]*profile{p}}, `{"P":[` + seen + `]}`},
		"in_itself": {&box{&box{p}}, `{"v":{"v":` + seen + `}}`},
		"and_after": {[]any{p, &box{p}, "x"}, "[" + seen + `,{"v":` + seen + `},"x"]`},
	} {
		res := boxes()
		res.Policy = policy
		r := request("GET", "/", as("alice", "user"))
		grant, err := res.Check(r, "read", &box{test.v})
		if err != nil {
			t.Fatal(err)
		}
		w := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { authz.Write(w, r, grant) }), r)
		if got := w.Body.String(); w.Code != 200 || got != `{"v":`+test.want+"}\n" {
			t.Errorf("%s: %d %s", name, w.Code, got)
		}
		// A role counts there.
		r = request("GET", "/", as("carol", "auditor"))
		if grant, err = res.Check(r, "read", &box{test.v}); err != nil {
			t.Fatal(err)
		}
		w = serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { authz.Write(w, r, grant) }), r)
		if got := w.Body.String(); w.Code != 200 || got != strings.ReplaceAll(`{"v":`+test.want+"}\n", seen, `{"id":"1","role":"SECRET"}`) {
			t.Errorf("%s of an auditor: %d %s", name, w.Code, got)
		}
	}
}

type (
	unspeakable struct{}
	garbage     struct{}
	loop        []*loop
	looped      struct{ Next *looped }
	deepMap     map[string]deepMap
)

func (unspeakable) MarshalJSON() ([]byte, error) { return nil, errors.New("SECRET") }
func (garbage) MarshalJSON() ([]byte, error)     { return []byte(`{"half": `), nil }

// What has no JSON is a 500, and the part before it is not sent.
func TestWriteSendsNothingOfAnObjectWithoutJSON(t *testing.T) {
	cycle := &loop{}
	*cycle = loop{cycle}
	next := &looped{}
	next.Next = next
	table := deepMap{}
	table["a"] = table
	var self any
	self = &self
	for name, v := range map[string]any{
		"NaN": math.NaN(), "infinite": []float32{float32(math.Inf(-1))}, "unspeakable": unspeakable{}, "garbage": garbage{}, "channel": make(chan int),
		"function": func() {}, "number": json.Number("1e"), "raw": json.RawMessage("{"), "key": map[complex64]int{}, "cycle": cycle,
		"list": next, "map": table, "interface": self, "year": time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		text, status := written(t, []any{"before", v})
		if status != 500 || strings.Contains(string(text), "before") || strings.Contains(string(text), "SECRET") || !strings.Contains(string(text), "authz.write_encoding") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	// The event says where, and not what.
	var rec bulwarktest.Recorder
	res := boxes()
	res.Policy = boxPolicy
	where := rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		grant, err := res.Check(r, "read", &box{map[string]any{"customer-7": []any{&methods{K: unspeakable{}}}}})
		if err != nil {
			t.Error(err)
		}
		authz.Write(w, r, grant)
	}))
	if w := get(where, "/", as("alice", "user")); w.Code != 500 {
		t.Error(w.Code)
	}
	if e := rec.Take(); len(e) != 1 || e[0].Reason != "authz.write_encoding" || wanted(e[0]) != "authz: V[].K: MarshalJSON of json.Marshaler: SECRET" {
		t.Errorf("events %+v", e)
	}
	// 1,000 levels are the limit.
	nested := func(n int) (v any) {
		for range n {
			v = []any{v}
		}
		return v
	}
	for n, status := range map[int]int{400: 200, 600: 500} { // a slice in an interface is two levels
		if _, got := written(t, nested(n)); got != status {
			t.Errorf("%d levels: %d", n, got)
		}
	}
}

// A panic of the application's own code passes on, and nothing has been sent.
func TestWritePassesAPanicOn(t *testing.T) {
	policy := profilePolicy(t)
	res := profiles()
	res.Policy = policy
	r := request("GET", "/", as("carol", "auditor"))
	grant, err := res.Check(r, "read", &profile{ID: "1", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	grant.Value().Tenant = "panic"
	w := &countingWriter{header: http.Header{}}
	res.Reaches["tenant"] = func(*bulwark.Principal, *profile) bool { panic("the predicate") }
	func() {
		defer func() {
			if got := recover(); fmt.Sprint(got) != "the predicate" {
				t.Errorf("panic %v", got)
			}
		}()
		authz.Write(w, r, grant)
	}()
	if w.calls != 0 || len(w.header) != 0 {
		t.Errorf("%d calls, header %v", w.calls, w.header)
	}
	if text, status := written(t, "fine"); status != 200 || string(text) != `{"v":"fine"}` {
		t.Errorf("after a panic: %d %s", status, text)
	}
}

type countingWriter struct {
	header http.Header
	calls  int
}

func (w *countingWriter) Header() http.Header         { return w.header }
func (w *countingWriter) Write(p []byte) (int, error) { w.calls++; return len(p), nil }
func (w *countingWriter) WriteHeader(int)             { w.calls++ }

// A grant to create is answered with 201. The layers' header fields stay in a
// refusal.
func TestWriteOfANewObject(t *testing.T) {
	mux := authz.NewMux(profilePolicy(t))
	owner := "alice"
	authz.HandleCreate(mux, "POST /profiles", profiles().Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*profile) (authz.Granted[*profile], error)) {
		w.Header().Set("Location", "/profiles/7")
		g, err := check(&profile{ID: "7", OwnerID: "alice", Email: "e", Role: "r"})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		g.Value().OwnerID = owner
		authz.Write(w, r, g)
	})
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Outer", "layer")
		mux.ServeHTTP(w, r)
	})
	w := serve(outer, request("POST", "/profiles", as("alice", "user")))
	if w.Code != 201 || w.Body.String() != `{"id":"7","owner_id":"alice","email":"e"}`+"\n" || w.Header().Get("Location") != "/profiles/7" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	owner = "bob"
	want{status: 500, code: "authz.write_leak", event: bulwark.SysUnavailable, header: map[string]string{"X-Outer": "layer"}}.
		check(t, outer, request("POST", "/profiles", as("alice", "user")))
}

// A grant of Resource.Check does not know which fields the layers have set.
func TestWriteOfACheckRemovesEveryField(t *testing.T) {
	res := profiles()
	res.Policy = profilePolicy(t)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Set", "1")
		g, err := res.Check(r, "read", &profile{OwnerID: "alice"})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		authz.Write(w, r, g.With(&profile{OwnerID: "bob"}))
	})
	want{status: 500, code: "authz.write_leak", event: bulwark.SysUnavailable, header: map[string]string{"X-Set": ""}}.
		check(t, h, request("GET", "/", as("alice", "user")))
}

// Only the reaches that a tag names are found out, and each once for an object,
// together with what the grant needs.
func TestWriteAsksForAReachOnce(t *testing.T) {
	policy := profilePolicy(t)
	asked := map[string]int{}
	res := profiles()
	tenant := res.Reaches["tenant"]
	res.Reaches["tenant"] = func(c *bulwark.Principal, p *profile) bool { asked["tenant"]++; return tenant(c, p) }
	res.Reaches["team"] = func(*bulwark.Principal, *profile) bool { asked["team"]++; return true }
	owner := res.Owner
	res.Owner = func(p *profile) (string, string) { asked["own"]++; return owner(p) }
	res.Load = func(context.Context, *http.Request) (*profile, error) {
		return &profile{OwnerID: "bob", Tenant: "acme"}, nil
	}
	items := make([]*profile, 10)
	for i := range items {
		items[i] = &profile{ID: fmt.Sprint(i), OwnerID: "bob", Tenant: "acme"}
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /profiles/{id}", res.Can("read"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
		clear(asked) // of the grant
		authz.Write(w, r, g)
	})
	authz.HandleList(mux, "GET /profiles", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, items)
	})
	for name, test := range map[string]struct {
		path   string
		caller *bulwark.Principal
		want   string
	}{
		"one":         {"/profiles/1", inTenant("acme", "bob", "writer"), "map[own:1 tenant:1]"},
		"list":        {"/profiles", inTenant("acme", "bob", "writer"), "map[own:10 tenant:10]"},
		"everything":  {"/profiles", as("root", "admin", "moderator"), "map[tenant:10]"}, // nothing of his depends on being the owner
		"not_allowed": {"/profiles", inTenant("", "zoe", "writer"), "map[own:1 tenant:1]"},
	} {
		clear(asked)
		if get(mux, test.path, test.caller); fmt.Sprint(asked) != test.want {
			t.Errorf("%s: asked %v, want %s", name, asked, test.want)
		}
	}
}
