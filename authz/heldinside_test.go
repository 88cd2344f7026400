package authz_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A medal is a struct with tags that stands in interfaces.
type medal struct {
	Text string `json:"text" authz:"read=*,write=*"`
	Rank int    `json:"rank" authz:"read=admin,write=own|admin"`
}

func (m medal) String() string { return m.Text }

// A pin is a struct with tags that everybody may write.
type pin struct {
	Text string `json:"text" authz:"read=*,write=*"`
}

// A ribbon is a struct with tags that nobody has registered.
type ribbon struct {
	Text string `json:"text" authz:"read=*,write=*"`
}

type jacket struct {
	Owner string                  `json:"owner" authz:"read=*,write=admin"`
	Any   any                     `json:"any" authz:"read=*,write=own"`
	Named fmt.Stringer            `json:"named" authz:"read=*,write=own"`
	Map   map[string]any          `json:"map" authz:"read=*,write=own"`
	List  []any                   `json:"list" authz:"read=*,write=own"`
	Array [1]any                  `json:"array" authz:"read=*,write=own"`
	Deep  pocket                  `json:"deep" authz:"read=*,write=own"`
	Far   *********medal          `json:"far" authz:"read=*,write=own"`
	Plain []flap                  `json:"plain" authz:"read=*,write=own"`
	Names map[string]fmt.Stringer `json:"names" authz:"read=*,write=own"`
}

type pocket struct {
	Any   any     `json:"any"`
	Text  string  `json:"text"`
	Inner *pocket `json:"inner"`
}

// A flap may be written as a whole, if its interface lets it.
type flap struct {
	Any any `json:"any" authz:"read=*,write=own"`
}

// full returns a jacket with a value in each of its interfaces.
func full(v any) *jacket {
	j := &jacket{Owner: "alice", Any: v, Map: map[string]any{"b": v, "c": 1}, List: []any{1, v}, Array: [1]any{v},
		Deep: pocket{Any: map[string]any{"d": []any{v}}, Inner: &pocket{Any: v}}, Plain: []flap{{v}}}
	if named, ok := v.(fmt.Stringer); ok {
		j.Named, j.Names = named, map[string]fmt.Stringer{"n": named}
	}
	return j
}

// dress sends a body to a route that decodes it into the jacket.
func dress(t *testing.T, method, body string, j *jacket, roles ...string) (w *httptest.ResponseRecorder, next *jacket, events []bulwark.Event) {
	t.Helper()
	policy := mustPolicy(t, authz.PolicyConfig{Resources: map[string][]string{"jacket": {"read", "update"}},
		Roles: authz.Roles{"user": {Grants: []string{"read:own", "update:own"}}, "admin": {Grants: []string{"*"}}}})
	for _, err := range []error{authz.Fields[jacket](policy), authz.Fields[medal](policy), authz.Fields[pin](policy)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	res := authz.Resource[*jacket]{Name: "jacket", Owner: func(j *jacket) (string, string) { return accounts, j.Owner },
		Load: func(context.Context, *http.Request) (*jacket, error) { return j, nil }}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, method+" /{id}", res.Can("update"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*jacket]) {
		granted, err := authz.Decode(w, r, g)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		next = granted.Value()
		w.WriteHeader(http.StatusNoContent)
	})
	r := httptest.NewRequest(method, "/1", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	var rec bulwarktest.Recorder
	w = serve(rec.Wrap(mux), r.WithContext(bulwark.WithPrincipal(r.Context(), as("alice", roles...))))
	return w, next, rec.Take()
}

// A clasp has no tags. JSON has its field in the struct around it.
type (
	clasp  struct{ Medal *medal }
	boxed  struct{ clasp }
	framed struct{ *clasp }
)

// A struct with tags in an interface is not replaced by a map with the names of
// its fields, and is not removed. What "own" says is not about that struct.
func TestDecodeKeepsWhatAnInterfaceHolds(t *testing.T) {
	bodies := map[string]string{ // and the pointer that is refused
		`{"any":{"rank":9}}`: "/any", `{"any":{"text":"x"}}`: "/any", `{"any":null}`: "/any", `{"any":1}`: "/any", `{"any":[]}`: "/any",
		`{"named":null}`: "/named", `{"map":null}`: "/map", `{"list":[]}`: "/list", `{"list":null}`: "/list", `{"list":[1,{"rank":9}]}`: "/list",
		`{"array":[{"rank":9}]}`: "/array", `{"array":null}`: "/array", `{"array":[]}`: "/array",
		`{"deep":null}`: "/deep", `{"deep":{"any":1}}`: "/deep/any", `{"deep":{"any":{"d":[]}}}`: "/deep/any", `{"deep":{"inner":{"any":null}}}`: "/deep/inner/any",
		`{"plain":[]}`: "/plain", `{"plain":null}`: "/plain", `{"plain":[{"any":{"rank":9}}]}`: "/plain", `{"names":null}`: "/names",
	}
	patches := map[string]string{
		`{"map":{"b":{"rank":9}}}`: "/map/b", `{"map":{"b":null}}`: "/map/b", `{"deep":{"any":{"d":null}}}`: "/deep/any", `{"names":{"n":null}}`: "/names/n",
	}
	kept := []string{`{}`, `{"deep":{"text":"x"}}`, `{"deep":{"inner":{"text":"x"}}}`}
	for name, v := range map[string]any{"value": medal{"a", 5}, "pointer": &medal{"a", 5}, "held": map[string]*medal{"m": {"a", 5}}, "unregistered": ribbon{"a"}, "within": &pocket{Any: []any{medal{"a", 5}}},
		"embedded": boxed{clasp{&medal{"a", 5}}}, "behind-embedded": framed{&clasp{&medal{"a", 5}}}} {
		for _, method := range []string{"PUT", "PATCH"} {
			refused := func(body, pointer string) {
				if _, named := v.(fmt.Stringer); !named && strings.Contains(body, "name") {
					return
				}
				if name == "held" && method == "PATCH" && (strings.Contains(body, `":{"text"`) || strings.Contains(body, `":{"rank"`)) && pointer != "/plain" {
					return // the map gets one more member
				}
				w, next, events := dress(t, method, body, full(v), "user")
				if w.Code != 403 || next != nil || !strings.Contains(w.Body.String(), `"pointer":"`+pointer+`"`) || len(events) != 1 || events[0].Reason != "authz.field_forbidden" {
					t.Errorf("%s: %s %s: %d %s %v", name, method, body, w.Code, w.Body, events)
				}
			}
			for body, pointer := range bodies {
				refused(body, pointer)
			}
			for body, pointer := range patches {
				if method == "PATCH" {
					refused(body, pointer)
				}
			}
			for _, body := range kept {
				w, next, _ := dress(t, method, body, full(v), "user")
				if w.Code != 204 {
					t.Fatalf("%s: %s %s: %d %s", name, method, body, w.Code, w.Body)
				}
				want := full(v)
				want.Deep.Text, want.Deep.Inner.Text = next.Deep.Text, next.Deep.Inner.Text
				a, _ := json.Marshal(next)
				b, _ := json.Marshal(want)
				if string(a) != string(b) {
					t.Errorf("%s: %s %s left\n%s, want\n%s", name, method, body, a, b)
				}
			}
		}
	}
	w, next, _ := dress(t, "PATCH", `{"map":{"z":1},"any":{"text":"x"}}`, full(pin{"a"}), "user")
	if w.Code != 204 || fmt.Sprint(next.Map, next.Any) != "map[b:{a} c:1 z:1] map[text:x]" {
		t.Errorf("a struct that the caller may write: %d %s %+v", w.Code, w.Body, next)
	}
	if w, next, _ := dress(t, "PATCH", `{"any":null}`, full(medal{"a", 5}), "user", "admin"); w.Code != 204 || next.Any != nil {
		t.Errorf("a caller who may write the struct: %d %s", w.Code, w.Body)
	}
}

// A walk through a value ends, also if the value is a circle of many ways.
func TestDecodeOfACircleInAnInterface(t *testing.T) {
	circle := map[string]any{}
	circle["a"], circle["b"] = circle, []any{circle, map[string]any{"c": circle}}
	if w, next, _ := dress(t, "PUT", `{"any":1}`, &jacket{Owner: "alice", Any: circle}, "user"); w.Code != 204 || fmt.Sprint(next.Any) != "1" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	circle["z"] = &medal{"a", 5}
	if w, _, _ := dress(t, "PUT", `{"any":1}`, &jacket{Owner: "alice", Any: circle}, "user"); w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The tags of a struct hold behind any number of pointers.
func TestDecodeBehindManyPointers(t *testing.T) {
	w, _, _ := dress(t, "PATCH", `{"far":{"text":"x","unknown":1}}`, full(nil), "user")
	if w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	policy := mustPolicy(t, authz.PolicyConfig{Resources: map[string][]string{"jacket": {"read", "update"}}, Roles: authz.Roles{"admin": {Grants: []string{"*"}}}})
	if err := authz.Fields[endless](policy); err != nil {
		t.Fatal(err)
	}
	type outer struct {
		Far *********inlaid `json:"far" authz:"read=*,write=*"`
	}
	decode := func(body string) (*outer, error) {
		res := authz.Resource[*outer]{Name: "jacket", Policy: policy, Owner: func(*outer) (string, string) { return "", "" }}
		if err := authz.Fields[outer](policy); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("PATCH", "/1", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), as("root", "admin")))
		g, err := res.Check(r, "update", &outer{})
		if err != nil {
			t.Fatal(err)
		}
		next, err := authz.Decode(httptest.NewRecorder(), r, g)
		return next.Value(), err
	}
	if next, err := decode(`{"far":{"text":"x"}}`); err != nil || (********next.Far).Text != "x" {
		t.Error(next, err)
	}
	if next, err := decode(`{"far":{"secret":"x"}}`); err == nil {
		t.Errorf("a field that nobody may write was written: %+v", ********next.Far)
	}
}

type inlaid struct {
	Text   string `json:"text" authz:"read=*,write=*"`
	Secret string `json:"secret" authz:"-"`
}

// endless is a pointer that leads to itself.
type endlessPointer *endlessPointer

type endless struct {
	Far endlessPointer `json:"far" authz:"read=*,write=*"`
}

// Nothing panics on a zero or nil value.
func TestZeroValues(t *testing.T) {
	var (
		w     = httptest.NewRecorder()
		ctx   = t.Context()
		none  context.Context
		zero  authz.Granted[*paper]
		empty authz.Resource[*paper]
	)
	r := func() *http.Request { return httptest.NewRequest("PUT", "/1", strings.NewReader("{}")) }
	must := func(name string, err error) {
		t.Helper()
		if err == nil {
			t.Error(name, "has no error")
		}
	}
	_, err := zero.For(none, "read")
	must("For", err)
	_, err = zero.With(stored()).For(ctx, "")
	must("With", err)
	_, err = authz.Decode(w, r(), zero.With(stored()))
	must("Decode", err)
	_, err = empty.Filter(nil, authz.Reach{All: true}, nil)
	must("Filter", err)
	_, err = empty.Check(nil, "", nil)
	must("Check", err)
	authz.Write(w, r(), zero.With(stored()))
	authz.WriteList(w, r(), authz.Reach{All: true}, []*paper{stored()})
	if w.Code != 500 || strings.Contains(w.Body.String(), "alice") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, p := range map[string]*authz.Policy{"nil": nil, "zero": {}, "made": paperPolicy(t)} {
		if p.Decide(authz.Query{}).Allowed || p.Explain(authz.Query{}) == "" {
			t.Error(name)
		}
		must(name+" Replace", p.Replace(authz.PolicyConfig{}))
		must(name+" Fields", authz.Fields[any](p))
		_, err := p.Engine().Decide(none, nil)
		must(name+" Engine", err)
		if d, _ := p.Engine().Decide(none, &authz.Query{}); d.Allowed {
			t.Error(name)
		}
		res := papers()
		res.Policy = p
		for _, action := range []string{"", "read", "create"} {
			_, err = res.Check(r(), action, nil)
			must(name+" "+action, err)
		}
	}
	res := papers()
	res.Policy = paperPolicy(t)
	g, err := res.Check(bodied("GET", "", as("alice", "user")), "read", stored())
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.For(none, "read")
	must("For without a context", err)
	empty.Can("").Scopes("").StepUp("", 0)
	authz.Access[*paper]{}.Scopes("").StepUp("", 0)
	_ = authz.Rule{}.Scopes("").StepUp("", 0).Ask(nil, "", "").String()
	_ = authz.All().Ask(nil, "", "").String()
	for name, h := range map[string]http.Handler{"nil Handler": (*authz.Handler)(nil), "Handler": new(authz.Handler), "nil Mux": (*authz.Mux)(nil), "Mux": new(authz.Mux),
		"nil Middleware": (*authz.Middleware)(nil).Wrap(ok()), "Middleware": new(authz.Middleware).Wrap(ok())} {
		if w := serve(h, r()); w.Code < 400 {
			t.Errorf("%s lets everybody in", name)
		}
	}
	must("Middleware.Check", (*authz.Middleware)(nil).Check(r()))
	must("Middleware.Check", new(authz.Middleware).Check(r()))
	(*authz.Mux)(nil).Routes()
	new(authz.Mux).Routes()
	(*authz.Mux)(nil).Shutdown(ctx)
	new(authz.Mux).Shutdown(ctx)
	(*authz.Handler)(nil).Shutdown(ctx)
	new(authz.Handler).Shutdown(ctx)
}
