package authztest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
)

// A note has a field for everybody, and fields for some.
type note struct {
	ID     string `json:"id" authz:"read=*"`
	Text   string `json:"text" authz:"read=*,write=own"`
	PIN    string `json:"pin_code" authz:"read=own|admin"`
	Audit  *trace `json:"audit,omitempty" authz:"read=admin"`
	Hidden string `json:"hidden" authz:"-"`
	owner  string
}

// A card has the names of a problem, and no field of it is open to a reader.
type card struct {
	Type   string `json:"type" authz:"read=admin"`
	Title  string `json:"title" authz:"read=admin"`
	Detail string `json:"detail" authz:"read=admin"`
}

// A trace is registered with note.
type trace struct {
	By string `json:"by" authz:"read=*"`
	At string `json:"at" authz:"read=*"`
}

// callers are an owner, a stranger who may read, an administrator and nobody.
func callers() map[string]*bulwark.Principal {
	return map[string]*bulwark.Principal{
		"alice, owner":  {Issuer: authztest.Issuer, Subject: "alice", Roles: []string{"user"}},
		"bob, reader":   {Issuer: authztest.Issuer, Subject: "bob", Roles: []string{"reader"}},
		"mallory, user": {Issuer: authztest.Issuer, Subject: "mallory", Roles: []string{"user"}},
		"root, admin":   {Issuer: authztest.Issuer, Subject: "root", Roles: []string{"admin"}},
		"nobody":        nil,
	}
}

// A notebook is a service with one note.
type notebook struct {
	mux  *authz.Mux
	walk authztest.Walk
	note *note
}

func alicesNote() *note {
	return &note{ID: "n1", Text: "milk", PIN: "0000", Audit: &trace{"alice", "noon"}, Hidden: "h", owner: "alice"}
}

func newNotebook(t *testing.T) *notebook {
	t.Helper()
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"note": {"create", "read", "delete"}},
		Roles: authz.Roles{
			"user":   {Grants: []string{"note:create:own", "note:read:own", "note:delete:own"}},
			"reader": {Grants: []string{"note:read:all"}},
			"admin":  {Grants: []string{"*"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(authz.Fields[note](policy), authz.Fields[card](policy)); err != nil {
		t.Fatal(err)
	}
	b := &notebook{mux: authz.NewMux(policy)}
	b.walk = authztest.Walk{
		Callers: callers(),
		Values: func(route authz.Route) map[string]string {
			b.note = alicesNote()
			return map[string]string{"id": "n1"}
		},
	}
	return b
}

func (b *notebook) notes() authz.Resource[*note] {
	return authz.Resource[*note]{
		Name: "note",
		Load: func(_ context.Context, r *http.Request) (*note, error) {
			if b.note == nil || r.PathValue("id") != b.note.ID {
				return nil, authz.ErrNotFound
			}
			copied := *b.note
			return &copied, nil
		},
		Owner: func(n *note) (string, string) { return authztest.Issuer, n.owner },
	}
}

// open adds routes that answer with Write and WriteList.
func (b *notebook) open() *notebook {
	notes := b.notes()
	b.mux.Handle("GET /health", authz.Public("liveness"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	b.mux.Handle("GET /stats", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"notes": 1, "by": {"a b": {}, "x|y": [], "tags": [1, 2], "none": [null]}}`)
	}))
	authz.HandleObject(b.mux, "GET /notes/{id}", notes.Can("read"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) { authz.Write(w, r, g) })
	authz.HandleObject(b.mux, "DELETE /notes/{id}", notes.Can("delete"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
		b.note = nil
		w.WriteHeader(http.StatusNoContent)
	})
	authz.HandleList(b.mux, "GET /notes", notes.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		if !reach.All && reach.Match["subject"] != b.note.owner {
			authz.WriteList(w, r, reach, []*note{})
			return
		}
		authz.WriteList(w, r, reach, []*note{b.note})
	})
	authz.HandleCreate(b.mux, "POST /notes", notes.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*note) (authz.Granted[*note], error)) {
		var said struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&said); err != nil || r.Header.Get("Content-Type") != "application/json" {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusBadRequest, Code: "notes.body"})
			return
		}
		who, _ := bulwark.PrincipalFrom(r.Context())
		g, err := check(&note{ID: "n2", Text: said.Text, owner: who.Subject})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		authz.Write(w, r, g)
	})
	b.walk.Bodies = map[string]string{"POST /notes": `{"text": "bread"}`}
	return b
}

const goldenFields = `GET /health | alice, owner | 200 | -
GET /health | bob, reader | 200 | -
GET /health | mallory, user | 200 | -
GET /health | nobody | 200 | -
GET /health | root, admin | 200 | -
GET /notes | alice, owner | 200 | items[].id items[].pin_code items[].text
GET /notes | bob, reader | 200 | items[].id items[].text
GET /notes | mallory, user | 200 | items[]
GET /notes | nobody | 401 | problem authz.unauthenticated
GET /notes | root, admin | 200 | items[].audit.at items[].audit.by items[].id items[].pin_code items[].text
POST /notes | alice, owner | 201 | id pin_code text
POST /notes | bob, reader | 403 | problem authz.forbidden
POST /notes | mallory, user | 201 | id pin_code text
POST /notes | nobody | 401 | problem authz.unauthenticated
POST /notes | root, admin | 201 | id pin_code text
DELETE /notes/{id} | alice, owner | 204 | -
DELETE /notes/{id} | bob, reader | 403 | problem authz.forbidden
DELETE /notes/{id} | mallory, user | 404 | problem authz.not_found
DELETE /notes/{id} | nobody | 401 | problem authz.unauthenticated
DELETE /notes/{id} | root, admin | 204 | -
GET /notes/{id} | alice, owner | 200 | id pin_code text
GET /notes/{id} | bob, reader | 200 | id text
GET /notes/{id} | mallory, user | 404 | problem authz.not_found
GET /notes/{id} | nobody | 401 | problem authz.unauthenticated
GET /notes/{id} | root, admin | 200 | audit.at audit.by id pin_code text
GET /stats | alice, owner | 200 | by."a b"{} by."x\x7cy"[] by.none[] by.tags[] notes
GET /stats | bob, reader | 200 | by."a b"{} by."x\x7cy"[] by.none[] by.tags[] notes
GET /stats | mallory, user | 200 | by."a b"{} by."x\x7cy"[] by.none[] by.tags[] notes
GET /stats | nobody | 401 | problem authz.unauthenticated
GET /stats | root, admin | 200 | by."a b"{} by."x\x7cy"[] by.none[] by.tags[] notes
`

func TestFields(t *testing.T) {
	b := newNotebook(t).open()
	file := filepath.Join(t.TempDir(), "golden", "fields.golden")
	missing := &failing{TB: t}
	authztest.Fields(missing, b.mux, b.walk, file)
	if len(missing.errs) != 1 || !strings.Contains(missing.errs[0], "UPDATE_GOLDEN=1") {
		t.Errorf("without a file: %q", missing.errs)
	}
	t.Setenv("UPDATE_GOLDEN", "1")
	authztest.Fields(t, b.mux, b.walk, file)
	text, err := os.ReadFile(file)
	if err != nil || string(text) != goldenFields {
		t.Errorf("wrote\n%s(%v)", text, err)
	}
	t.Setenv("UPDATE_GOLDEN", "")
	authztest.Fields(t, b.mux, b.walk, file)

	// Somebody gives a field to more callers.
	if err := os.WriteFile(file, []byte(strings.Replace(goldenFields, "bob, reader | 200 | id text", "bob, reader | 200 | id", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	wider := &failing{TB: t}
	authztest.Fields(wider, b.mux, b.walk, file)
	if len(wider.errs) != 1 || !strings.Contains(wider.errs[0], "the fields that callers see differ from") ||
		!strings.Contains(wider.errs[0], "\n- GET /notes/{id} | bob, reader | 200 | id\n+ GET /notes/{id} | bob, reader | 200 | id text\n") {
		t.Errorf("a wider field: %q", wider.errs)
	}
}

// found returns what Fields finds wrong with a handler of a readable note.
func found(t *testing.T, h func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]), change func(*authztest.Walk)) []string {
	t.Helper()
	t.Setenv("UPDATE_GOLDEN", "1")
	b := newNotebook(t)
	authz.HandleObject(b.mux, "GET /notes/{id}", b.notes().Can("read"), h)
	if change != nil {
		change(&b.walk)
	}
	f := &failing{TB: t}
	authztest.Fields(f, b.mux, b.walk, filepath.Join(t.TempDir(), "fields.golden"))
	return f.errs
}

// Each of these handlers writes a note, or a private field of a note, around
// authz.Write.
func TestFieldsFindsAnswersAroundWrite(t *testing.T) {
	const whole = "id text pin_code audit hidden of authztest_test.note"
	marshal := func(n *note) string {
		text, _ := json.Marshal(n)
		return string(text)
	}
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note])
		want   map[string]string // by caller; "" is fine
	}{
		"marshal": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, marshal(g.Value()))
		}, map[string]string{"alice, owner": whole, "bob, reader": whole, "root, admin": whole}},
		"encoder_without_type": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			json.NewEncoder(w).Encode(g.Value())
		}, map[string]string{"bob, reader": whole}},
		"envelope": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprintf(w, `{"data": {"notes": [%s]}}`, marshal(g.Value()))
		}, map[string]string{"bob, reader": "data.notes[].id data.notes[].text data.notes[].pin_code data.notes[].audit data.notes[].hidden of authztest_test.note"}},
		"part_of_the_names": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprint(w, `{"id": "n1", "text": "milk"}`)
		}, map[string]string{"alice, owner": "id text of authztest_test.note"}},
		"private_field_among_others": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprint(w, `{"heading": "milk", "pin_code": "0000"}`)
		}, map[string]string{"bob, reader": "pin_code of authztest_test.note", "root, admin": ""}},
		"field_of_nobody": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprint(w, `{"hidden": "h"}`)
		}, map[string]string{"root, admin": "hidden of authztest_test.note"}},
		"a_name_spelled_otherwise": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprint(w, `{"heading": "milk", "PinCode": "0000"}`)
		}, map[string]string{"bob, reader": "PinCode of authztest_test.note"}},
		"inner_type": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			json.NewEncoder(w).Encode(map[string]any{"last": g.Value().Audit})
		}, map[string]string{"bob, reader": "last.by last.at of authztest_test.trace"}},
		"lines": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprintf(w, "%s\n%s\n", marshal(g.Value()), marshal(g.Value()))
		}, map[string]string{"bob, reader": whole}},
		"events": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprintf(w, "event: note\ndata: %s\n\n", marshal(g.Value()))
		}, map[string]string{"bob, reader": whole}},
		"script": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprintf(w, "<script>if (x) { show(%s) }</script>", marshal(g.Value()))
		}, map[string]string{"bob, reader": whole}},
		"string_of_json": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			json.NewEncoder(w).Encode(map[string]string{"payload": marshal(g.Value())})
		}, map[string]string{"bob, reader": "payload.id payload.text payload.pin_code payload.audit payload.hidden of authztest_test.note"}},
		"a_name_twice": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			fmt.Fprintf(w, `{"last": %s, "last": 1}`, marshal(g.Value()))
		}, map[string]string{"bob, reader": "last.id"}},
		"refusal": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			if g.Caller().HasRole("reader") {
				w.WriteHeader(http.StatusConflict)
			}
			json.NewEncoder(w).Encode(g.Value())
		}, map[string]string{"bob, reader": whole}},
		"problem": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
			fmt.Fprintf(w, `{"title": "Conflict", "status": 200, "errors": [%s]}`, marshal(g.Value()))
		}, map[string]string{"bob, reader": "errors[].id"}},
		"disguised_as_a_problem": {func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
			w.Header().Set("Content-Type", "application/problem+json")
			fmt.Fprint(w, `{"type": "a", "title": "milk", "detail": "0000"}`)
		}, map[string]string{"alice, owner": "type title detail of authztest_test.card", "bob, reader": "type title detail of authztest_test.card"}},
		"disguised_in_a_problem": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			if !g.Caller().HasRole("reader") {
				authz.Write(w, r, g)
				return
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"status": 409, "code": "x", "errors": [{"pointer": "/x", "title": "milk", "detail": "0000"}], "more": {"title": "milk", "detail": "0000"}}`)
		}, map[string]string{"bob, reader": "more.title more.detail of authztest_test.card"}},
		"another_status_than_the_problem_has": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			if !g.Caller().HasRole("reader") {
				authz.Write(w, r, g)
				return
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"title": "milk", "detail": "0000"}`)
		}, map[string]string{"bob, reader": "title detail of authztest_test.card"}},
		"beside_write": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			authz.Write(w, r, g)
			fmt.Fprint(w, marshal(g.Value()))
		}, map[string]string{"bob, reader": whole}},
		"changed_after_write": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			part := httptest.NewRecorder()
			authz.Write(part, r, g)
			fmt.Fprint(w, strings.Replace(part.Body.String(), `"id"`, `"pin_code":"0000","id"`, 1))
		}, map[string]string{"bob, reader": "pin_code id text of authztest_test.note"}},
		"written_for_another": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			fmt.Fprint(w, `{"id":"n1","text":"milk","pin_code":"0000"}`)
		}, map[string]string{"bob, reader": "id text pin_code of authztest_test.note"}},
		"stream": {func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			fmt.Fprintf(w, "data: %s\n\n", marshal(g.Value()))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, map[string]string{"bob, reader": whole}},
	} {
		t.Run(name, func(t *testing.T) {
			errs := found(t, test.answer, nil)
			for who, want := range test.want {
				var about []string
				for _, err := range errs {
					if strings.HasPrefix(err, "GET /notes/{id} as "+who+": the answer has ") {
						about = append(about, err)
					}
				}
				got := strings.Join(about, "\n")
				if (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "0000") {
					t.Errorf("about %s: %q, want %q", who, got, want)
				}
			}
			for _, err := range errs {
				if strings.Contains(err, "mallory") || strings.Contains(err, "nobody") || !strings.Contains(err, "authz.Write did not write") {
					t.Errorf("found also %q", err)
				}
			}
		})
	}
}

// None of these answers has a note around authz.Write.
func TestFieldsAcceptsOtherAnswers(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]){
		"write": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) { authz.Write(w, r, g) },
		"parts_of_write": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			part := httptest.NewRecorder()
			authz.Write(part, r, g)
			fmt.Fprintf(w, `{"answers": [{"status": 200, "body": %s}]}`, part.Body)
		},
		"one_open_name": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) { fmt.Fprint(w, `{"id": "n1"}`) },
		"open_names_among_others": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			fmt.Fprint(w, `{"id": "n1", "text": "milk", "likes": 3}`)
		},
		"words": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			fmt.Fprint(w, `pin_code {hidden} {"`)
		},
		"number": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) { fmt.Fprint(w, `17`) },
		"empty":  func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {},
		"refused": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
			if who := g.Caller(); who.HasRole("reader") {
				bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusConflict, Code: "notes.busy", Errors: []bulwark.FieldError{{Pointer: "/pin_code", In: "body", Code: "x", Detail: "y"}}})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if errs := found(t, answer, nil); len(errs) > 0 {
				t.Errorf("found %q", errs)
			}
		})
	}
}

// What the walk cannot show, and what it is wrong about, is a failure.
func TestFieldsOfAnIncompleteWalk(t *testing.T) {
	write := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) { authz.Write(w, r, g) }
	around := func(w http.ResponseWriter, _ *http.Request, g authz.Granted[*note]) {
		json.NewEncoder(w).Encode(g.Value())
	}
	const pattern = "GET /notes/{id}"
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note])
		change func(*authztest.Walk)
		want   []string
	}{
		"no_callers": {write, func(w *authztest.Walk) { w.Callers = nil }, []string{"Fields was given no callers; set Walk.Callers"}},
		"odd_name":   {write, func(w *authztest.Walk) { w.Callers["a|b"] = nil }, []string{`the name of the caller "a|b" does not fit`}},
		"no_values":  {write, func(w *authztest.Walk) { w.Values = nil }, []string{pattern + ": there is no value for {id}"}},
		"every_caller_refused": {write, func(w *authztest.Walk) {
			w.Callers = map[string]*bulwark.Principal{"mallory": w.Callers["mallory, user"], "nobody": nil}
		}, []string{pattern + ": every caller is refused"}},
		"unknown_patterns": {write, func(w *authztest.Walk) {
			w.Bodies, w.Skip = map[string]string{"POST /notes": "{}"}, map[string]string{"GET /x": "why"}
		}, []string{`Walk.Bodies names "POST /notes", and the Mux has no such route`, `Walk.Skip names "GET /x", and the Mux has no such route`}},
		"no_reason":     {around, func(w *authztest.Walk) { w.Known = map[string]string{pattern: " "} }, []string{`Walk.Known has no reason for "GET /notes/{id}"`}},
		"forged_reason": {around, func(w *authztest.Walk) { w.Skip = map[string]string{pattern: "a\nb"} }, []string{`Walk.Skip has no reason for`}},
		"stale":         {write, func(w *authztest.Walk) { w.Known = map[string]string{pattern: "old"} }, []string{pattern + ": Walk.Known names the route, and its answers have no object"}},
		"known":         {around, func(w *authztest.Walk) { w.Known = map[string]string{pattern: "the test"} }, nil},
		"skipped":       {around, func(w *authztest.Walk) { w.Skip = map[string]string{pattern: "the test"} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			errs := found(t, test.answer, test.change)
			if len(errs) != len(test.want) {
				t.Fatalf("found %q, want %q", errs, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(errs[i], want) {
					t.Errorf("found %q, want %q", errs[i], want)
				}
			}
		})
	}
	f := &failing{TB: t}
	authztest.Fields(f, authz.NewMux(nil), authztest.Walk{Callers: callers()}, "none")
	if len(f.errs) != 1 || !strings.Contains(f.errs[0], "the Mux has no routes") {
		t.Errorf("without routes: %q", f.errs)
	}
	var ran int
	f = &failing{TB: t}
	authztest.Fields(f, service(t, "document:read:own", &ran), authztest.Walk{Callers: callers()}, "none")
	if len(f.errs) != 1 || !strings.Contains(f.errs[0], "call authz.Fields for the types") || ran != 0 {
		t.Errorf("without types: %q", f.errs)
	}
}

// The file says why a route is not walked, and why an answer is known.
func TestFieldsShowsReasons(t *testing.T) {
	t.Setenv("UPDATE_GOLDEN", "1")
	b := newNotebook(t)
	authz.HandleObject(b.mux, "GET /notes/{id}", b.notes().Can("read"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*note]) {
		fmt.Fprint(w, `{"id": "n1", "text": "milk"}`)
	})
	b.mux.Mount("/debug/", authz.RequireRole("admin"), http.NotFoundHandler())
	b.walk.Callers = map[string]*bulwark.Principal{"bob": b.walk.Callers["bob, reader"]}
	b.walk.Known = map[string]string{"GET /notes/{id}": "both fields are public"}
	b.walk.Skip = map[string]string{}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		b.walk.Skip[method+" /debug/"] = "not our code"
	}
	file := filepath.Join(t.TempDir(), "fields.golden")
	authztest.Fields(t, b.mux, b.walk, file)
	const want = `DELETE /debug/ | not walked: not our code
GET /debug/ | not walked: not our code
PATCH /debug/ | not walked: not our code
POST /debug/ | not walked: not our code
PUT /debug/ | not walked: not our code
GET /notes/{id} | bob | 200 | id text | known: both fields are public
`
	if text, _ := os.ReadFile(file); string(text) != want {
		t.Errorf("wrote\n%s", text)
	}
}

// The request is what the pattern, the values and Prepare say.
func TestFieldsSendsWhatTheWalkSays(t *testing.T) {
	t.Setenv("UPDATE_GOLDEN", "1")
	b := newNotebook(t)
	var got []string
	b.mux.Handle("GET files.example.com/files/{area}/{name...}", authz.Public("test"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Host, r.PathValue("area"), r.PathValue("name"), r.URL.RawQuery, r.Header.Get("X-Caller"))
	}))
	b.walk.Callers = map[string]*bulwark.Principal{"nobody": nil}
	b.walk.Values = func(route authz.Route) map[string]string {
		if route.Pattern != "files.example.com/files/{area}/{name...}" {
			t.Errorf("values for %q", route.Pattern)
		}
		return map[string]string{"area": "a b?", "name": "x/y z"}
	}
	b.walk.Prepare = func(r *http.Request, caller string) {
		r.URL.RawQuery = "limit=1"
		r.Header.Set("X-Caller", caller)
	}
	authztest.Fields(t, b.mux, b.walk, filepath.Join(t.TempDir(), "fields.golden"))
	if want := "[files.example.com a b? x/y z limit=1 nobody]"; fmt.Sprint(got) != want {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// Matrix ends a stream at its first Flush.
func TestMatrixOfAStream(t *testing.T) {
	b := newNotebook(t)
	b.mux.Handle("GET /events", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		if err := r.Context().Err(); err != context.Canceled {
			t.Errorf("the stream ended by %v, and not by its Flush", err)
		}
	}))
	authztest.Matrix(t, b.mux, []string{"user"})
}
