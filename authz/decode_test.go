package authz_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A paper is an object with every kind of field that a body can write.
type paper struct {
	ID       string            `json:"id" authz:"read=*"`
	Owner    string            `json:"owner" authz:"read=*,write=admin"`
	Title    string            `json:"title" authz:"read=*,write=own|editor"`
	Kind     string            `json:"kind" authz:"read=*,write=own"`
	Status   string            `json:"status" authz:"read=*,write=own"`
	Role     string            `json:"role" authz:"read=admin,write=admin"`
	Pages    int8              `json:"pages" authz:"read=*,write=own"`
	Tags     []string          `json:"tags" authz:"read=*,write=own"`
	Labels   map[string]string `json:"labels" authz:"read=*,write=own"`
	Free     any               `json:"free" authz:"read=*,write=own"`
	Note     *string           `json:"note" authz:"read=*,write=own"`
	Layout   layout            `json:"layout" authz:"read=*,write=own"`
	Cover    *cover            `json:"cover" authz:"read=*,write=own"`
	Lines    []line            `json:"lines" authz:"read=*,write=own"`
	Shares   map[string]*share `json:"shares" authz:"read=*,write=own"`
	Due      time.Time         `json:"due" authz:"read=*,write=own"`
	Internal string            `json:"internal" authz:"-"`
	Hash     string            `json:"-"`
	secret   string
}

type layout struct {
	Columns int    `json:"columns"`
	Font    *font  `json:"font"`
	Key     string `json:"-"`
}

type font struct {
	Name string `json:"name"`
}

type cover struct {
	Text     string `json:"text" authz:"read=*,write=own"`
	Approved bool   `json:"approved" authz:"read=*,write=admin"`
}

type line struct {
	Text    string `json:"text" authz:"read=*,write=own|editor"`
	Checked bool   `json:"checked" authz:"read=*,write=admin"`
}

type share struct {
	Note  string `json:"note" authz:"read=*,write=own"`
	Limit int    `json:"limit" authz:"read=*,write=admin"`
}

// stored is the paper of alice before every request.
func stored() *paper {
	note := "old"
	return &paper{ID: "1", Owner: "alice", Title: "t", Kind: "k", Status: "s", Role: "user", Pages: 3,
		Tags: []string{"a"}, Labels: map[string]string{"x": "1", "y": "2"}, Free: map[string]any{"m": map[string]any{"p": "1", "q": "2"}},
		Note: &note, Layout: layout{2, &font{"Serif"}, "kept"}, Cover: &cover{"c", true}, Lines: []line{{"l", true}},
		Shares: map[string]*share{"bob": {"n", 5}}, Due: time.Unix(1e9, 0).UTC(), Internal: "i", Hash: "h", secret: "z"}
}

func paperPolicy(tb testing.TB) *authz.Policy {
	tb.Helper()
	policy := mustPolicy(tb, authz.PolicyConfig{
		Resources: map[string][]string{"paper": {"create", "read", "update", "delete"}},
		Roles: authz.Roles{
			"user":   {Grants: []string{"paper:create:own", "read:own", "update:own", "delete:own"}},
			"editor": {Grants: []string{"read:all", "update:all"}},
			"admin":  {Grants: []string{"*"}},
		},
	})
	if err := authz.Fields[paper](policy); err != nil {
		tb.Fatal(err)
	}
	return policy
}

func papers() authz.Resource[*paper] {
	return authz.Resource[*paper]{Name: "paper",
		Load:  func(context.Context, *http.Request) (*paper, error) { return stored(), nil },
		Owner: func(p *paper) (string, string) { return accounts, p.Owner }}
}

// decoded is what became of a body.
type decoded struct {
	status int
	header http.Header
	text   string
	answer struct {
		Title, Detail, Code string
		Status              int
		Errors              []bulwark.FieldError
	}
	events []bulwark.Event
	next   *paper // the new state; nil if the body was refused
}

// sends sends a body to a route that decodes it.
func sends(t *testing.T, res authz.Resource[*paper], r *http.Request, layers ...bulwark.Builder) decoded {
	t.Helper()
	var d decoded
	finish := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*paper]) {
		before := g.Value()
		next, err := authz.Decode(w, r, g)
		if !reflect.DeepEqual(before, stored()) && r.Method != "POST" {
			t.Errorf("the granted object was changed to %+v", before)
		}
		if err != nil {
			if next.Caller() != nil || next.Action() != "" {
				t.Error("a refusal has a grant")
			}
			bulwark.Deny(w, r, err)
			return
		}
		if d.next, err = next.For(r.Context(), g.Action()); err != nil || next.Action() != g.Action() || d.next == before {
			t.Errorf("the grant of the new state does not hold: %v", err)
		}
		w.WriteHeader(http.StatusNoContent)
	}
	mux := authz.NewMux(paperPolicy(t))
	for method, action := range map[string]string{"PUT": "update", "PATCH": "update", "GET": "read", "DELETE": "delete"} {
		authz.HandleObject(mux, method+" /papers/{id}", res.Can(action), finish, layers...)
	}
	authz.HandleCreate(mux, "POST /papers/{id}", res.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*paper) (authz.Granted[*paper], error)) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		g, err := check(&paper{ID: "new", Owner: caller.Subject, Role: "user", Internal: "i", Hash: "h", secret: "z"})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		finish(w, r, g)
	}, layers...)
	var rec bulwarktest.Recorder
	w := serve(rec.Wrap(mux), r)
	d.status, d.header, d.text, d.events = w.Code, w.Header(), w.Body.String(), rec.Take()
	if d.status >= 400 && r.Method != "HEAD" {
		if err := json.Unmarshal([]byte(d.text), &d.answer); err != nil {
			t.Fatalf("the answer %q is not a problem: %v", d.text, err)
		}
	}
	return d
}

func bodyOf(method, text string, p *bulwark.Principal) *http.Request {
	r := httptest.NewRequest(method, "/papers/1", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	return r.WithContext(bulwark.WithPrincipal(r.Context(), p))
}

// refused asserts status, code, header, body and event of a refusal. The faults
// are "pointer code".
func (d decoded) refused(t *testing.T, status int, code string, faults ...string) {
	t.Helper()
	if d.next != nil {
		t.Fatalf("the body was accepted: %+v", d.next)
	}
	a := d.answer
	if d.status != status || a.Status != status || a.Code != code || a.Title != http.StatusText(status) || a.Detail == "" && status < 500 {
		t.Errorf("answered %d %s, want %d %s", d.status, d.text, status, code)
	}
	if d.header.Get("Content-Type") != "application/problem+json" || d.header.Get("Cache-Control") != "no-store" {
		t.Errorf("header is %v", d.header)
	}
	var got []string
	for _, e := range a.Errors {
		if e.In != "body" || e.Detail == "" {
			t.Errorf("error is %+v", e)
		}
		got = append(got, e.Pointer+" "+e.Code)
	}
	if fmt.Sprint(got) != fmt.Sprint(faults) {
		t.Errorf("errors are %q, want %q", got, faults)
	}
	name := bulwark.InputValidationFail
	switch {
	case status >= 500:
		name = bulwark.SysUnavailable
	case status == http.StatusForbidden:
		name = bulwark.AuthzFail
	}
	if len(d.events) != 1 || d.events[0].Name != name || d.events[0].Status != status || d.events[0].Reason != code && code != "authz.forbidden" {
		t.Errorf("events are %+v, want one %s for %s", d.events, name, code)
	}
	if strings.Contains(d.text+fmt.Sprint(d.events), "s3cret") {
		t.Errorf("a submitted value is repeated: %s, %+v", d.text, d.events)
	}
}

// attacks are bodies that must not change anything, whatever the method is.
var attacks = map[string]struct {
	body   string
	status int
	code   string
	faults []string
}{
	"forbidden":               {`{"role":"s3cret"}`, 403, "authz.field_forbidden", []string{"/role forbidden"}},
	"forbidden_same_value":    {`{"role":"user"}`, 403, "authz.field_forbidden", []string{"/role forbidden"}},
	"forbidden_null":          {`{"role":null}`, 403, "authz.field_forbidden", []string{"/role forbidden"}},
	"forbidden_wrong_type":    {`{"role":[{"s3cret":1}]}`, 403, "authz.field_forbidden", []string{"/role forbidden"}},
	"forbidden_for_everybody": {`{"internal":"s3cret"}`, 403, "authz.field_forbidden", []string{"/internal forbidden"}},
	"forbidden_escaped":       {`{"r\u006fle":"s3cret"}`, 403, "authz.field_forbidden", []string{"/role forbidden"}},
	"forbidden_all":           {`{"id":"9","title":"x","owner":"mallory","role":"admin"}`, 403, "authz.field_forbidden", []string{"/id forbidden", "/owner forbidden", "/role forbidden"}},
	"forbidden_first":         {`{"title":5,"unknown":1,"role":"admin"}`, 403, "authz.field_forbidden", []string{"/role forbidden"}},
	"unknown":                 {`{"title":"x","admin":"s3cret"}`, 422, "authz.field_unknown", []string{"/admin unknown"}},
	"unknown_sorted":          {`{"c":1,"a":2,"b":3}`, 422, "authz.field_unknown", []string{"/a unknown", "/b unknown", "/c unknown"}},
	"unknown_before_type":     {`{"title":5,"admin":1}`, 422, "authz.field_unknown", []string{"/admin unknown"}},
	"unknown_go_name":         {`{"Hash":"s3cret"}`, 422, "authz.field_unknown", []string{"/Hash unknown"}},
	"unknown_unexported":      {`{"secret":"s3cret"}`, 422, "authz.field_unknown", []string{"/secret unknown"}},
	"unknown_dash":            {`{"-":"s3cret"}`, 422, "authz.field_unknown", []string{"/- unknown"}},
	"unknown_empty":           {`{"":"s3cret"}`, 422, "authz.field_unknown", []string{"/ unknown"}},
	"unknown_escaped":         {`{"a/b~c":1}`, 422, "authz.field_unknown", []string{"/a~1b~0c unknown"}},
	"unknown_misleading":      {"{\"a\u202eb\\u0007\":1}", 422, "authz.field_unknown", []string{`/a\u202eb\u0007 unknown`}},
	"unknown_long":            {`{"layout":{"` + strings.Repeat("n", 300) + `":1}}`, 422, "authz.field_unknown", []string{"/layout unknown"}},
	"case_upper":              {`{"ROLE":"admin"}`, 422, "authz.field_unknown", []string{"/ROLE unknown"}},
	"case_long_s":             {`{"ſtatuſ":"s3cret"}`, 422, "authz.field_unknown", []string{"/ſtatuſ unknown"}},
	"case_kelvin":             {"{\"\u212aind\":\"s3cret\"}", 422, "authz.field_unknown", []string{"/\u212aind unknown"}},
	"case_nested":             {`{"layout":{"Columns":1}}`, 422, "authz.field_unknown", []string{"/layout/Columns unknown"}},
	"duplicate":               {`{"title":"a","title":"s3cret"}`, 400, "body.malformed", []string{"/title repeated"}},
	"duplicate_by_case":       {`{"title":"a","TITLE":"s3cret"}`, 400, "body.malformed", []string{"/TITLE repeated"}},
	"duplicate_escaped":       {`{"title":"a","t\u0069tle":"s3cret"}`, 400, "body.malformed", []string{"/title repeated"}},
	"duplicate_nested":        {`{"tags":["{",","],"layout":{"columns":1,"font":{"name":"a","name":"s3cret"}}}`, 400, "body.malformed", []string{"/layout/font/name repeated"}},
	"duplicate_forbidden":     {`{"title":"a","role":"user","role":"s3cret"}`, 400, "body.malformed", []string{"/role repeated"}},
	"nested_unknown":          {`{"layout":{"font":{"name":"x","size":"s3cret"}}}`, 422, "authz.field_unknown", []string{"/layout/font/size unknown"}},
	"nested_dash":             {`{"layout":{"Key":"s3cret"}}`, 422, "authz.field_unknown", []string{"/layout/Key unknown"}},
	"nested_forbidden":        {`{"cover":{"text":"x","approved":true}}`, 403, "authz.field_forbidden", []string{"/cover/approved forbidden"}},
	"nested_forbidden_null":   {`{"cover":{"approved":null}}`, 403, "authz.field_forbidden", []string{"/cover/approved forbidden"}},
	"element_forbidden":       {`{"shares":{"new":{"limit":9}}}`, 403, "authz.field_forbidden", nil},
	"type":                    {`{"title":["s3cret"]}`, 422, "authz.field_type", []string{"/title type"}},
	"type_all":                {`{"pages":"s3cret","title":5,"kind":"ok","tags":{}}`, 422, "authz.field_type", []string{"/title type", "/pages type", "/tags type"}},
	"type_range":              {`{"pages":128}`, 422, "authz.field_type", []string{"/pages type"}},
	"type_fraction":           {`{"pages":1.5}`, 422, "authz.field_type", []string{"/pages type"}},
	"type_element":            {`{"tags":["a",5]}`, 422, "authz.field_type", []string{"/tags/1 type"}},
	"type_own":                {`{"due":"s3cret"}`, 422, "authz.field_type", []string{"/due type"}},
	"type_nested":             {`{"layout":"s3cret"}`, 422, "authz.field_type", []string{"/layout type"}},
	"type_map":                {`{"shares":["s3cret"]}`, 422, "authz.field_type", []string{"/shares type"}},
	"type_pointer":            {`{"note":5}`, 422, "authz.field_type", []string{"/note type"}},
	"array":                   {`[{"title":"s3cret"}]`, 422, "authz.field_type", []string{" type"}},
	"null":                    {`null`, 422, "authz.field_type", []string{" type"}},
	"string":                  {`"s3cret"`, 422, "authz.field_type", []string{" type"}},
	"empty":                   {``, 400, "body.required", nil},
	"trailing":                {`{"title":"x"}{"role":"s3cret"}`, 400, "body.malformed", nil},
	"syntax":                  {`{"title":s3cret}`, 400, "body.malformed", nil},
	"comment":                 {`{"title":"x"/*s3cret*/}`, 400, "body.malformed", nil},
	"bom":                     {"\ufeff{}", 400, "body.malformed", nil},
	"utf8":                    {"{\"title\":\"\xff\"}", 400, "body.malformed", nil},
	"surrogate":               {`{"title":"\ud800"}`, 400, "body.malformed", nil},
	"depth":                   {`{"free":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400, "body.too_complex", nil},
	"number":                  {`{"free":1e999}`, 400, "body.too_complex", nil},
	"large":                   {`{"title":"` + strings.Repeat("s3cret", 10<<20/6) + `"}`, 413, "body.too_large", nil},
}

func TestDecodeRefuses(t *testing.T) {
	alice := as("alice", "user")
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				d := sends(t, papers(), bodyOf(method, attack.body, alice))
				if name == "element_forbidden" {
					attack.faults = []string{"/shares/new/limit forbidden"}
					if method == "PUT" { // the old share would be lost as well
						attack.faults = []string{"/shares forbidden"}
					}
				}
				d.refused(t, attack.status, attack.code, attack.faults...)
				if attack.code == "authz.field_forbidden" {
					d.tells(t, "field", strings.Replace(strings.TrimSuffix(attack.faults[0], " forbidden"), "/new/", "/*/", 1))
				}
			}
		})
	}
}

// tells asserts an attribute of the one event.
func (d decoded) tells(t *testing.T, key, want string) {
	t.Helper()
	for _, attr := range d.events[0].Attrs {
		if attr.Key == key && attr.Value.String() == want {
			return
		}
	}
	t.Errorf("the event %+v has no %s=%s", d.events[0], key, want)
}
