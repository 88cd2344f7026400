package recipes

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
)

// A Person is what the directory knows of a person.
type Person struct {
	ID    string `json:"id" authz:"read=*"`
	Name  string `json:"name" authz:"read=*,write=own|admin"`
	Email string `json:"email" authz:"read=own|admin,write=own"`
	Role  string `json:"role" authz:"read=own|admin,write=admin"`
	Notes string `json:"notes" authz:"read=admin,write=admin"`
	Hash  string `json:"-"` // of the password
}

func directoryPolicy() (*authz.Policy, error) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"person": {"read", "update"}},
		Roles: authz.Roles{
			"user":  {Grants: []string{"person:read:all", "person:update:own"}},
			"admin": {Grants: []string{"*"}},
		},
	})
	if err != nil {
		return nil, err
	}
	if err := authz.Fields[Person](policy); err != nil {
		return nil, err // names each field without a tag, and each tag with a typo
	}
	return policy, nil
}

// A directory keeps people. It stores nothing without a grant.
type directory map[string]Person

func (d directory) update(ctx context.Context, g authz.Granted[*Person]) error {
	next, err := g.For(ctx, "update")
	if err != nil {
		return err
	}
	d[next.ID] = *next
	return nil
}

func (d directory) service(policy *authz.Policy) *authz.Mux {
	people := authz.Resource[*Person]{
		Name: "person",
		Load: func(_ context.Context, r *http.Request) (*Person, error) {
			p, ok := d[r.PathValue("id")]
			if !ok {
				return nil, authz.ErrNotFound
			}
			return &p, nil
		},
		Owner: func(p *Person) (issuer, subject string) { return "test", p.ID },
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /people/{id}", people.Can("read"), d.getPerson)
	authz.HandleObject(mux, "PUT /people/{id}", people.Can("update"), d.changePerson)
	authz.HandleObject(mux, "PATCH /people/{id}", people.Can("update"), d.changePerson)
	authz.HandleList(mux, "GET /people", people.Can("read"), d.listPeople)
	return mux
}

func (d directory) getPerson(w http.ResponseWriter, r *http.Request, p authz.Granted[*Person]) {
	authz.Write(w, r, p)
}

func (d directory) changePerson(w http.ResponseWriter, r *http.Request, p authz.Granted[*Person]) {
	next, err := authz.Decode(w, r, p)
	if err == nil {
		err = d.update(r.Context(), next) // takes the grant, and not the person
	}
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	authz.Write(w, r, next)
}

func (d directory) listPeople(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
	var people []*Person
	for _, p := range d {
		if reach.All || reach.Match["issuer"] == "test" && p.ID == reach.Match["subject"] {
			people = append(people, &p)
		}
	}
	authz.WriteList(w, r, reach, people)
}

func newDirectory() directory {
	return directory{
		"alice": {ID: "alice", Name: "Alice", Email: "alice@example.com", Role: "user", Notes: "pays late", Hash: "$2a$"},
	}
}

func personAs(subject, role string) *bulwark.Principal {
	return &bulwark.Principal{Issuer: "test", Subject: subject, Roles: []string{role}}
}

const answersOfTheDirectory = `
GET /people/{id} | alice, owner | 200 | email id name role
GET /people/{id} | mallory, stranger | 200 | id name
GET /people/{id} | nobody | 401 | problem authz.unauthenticated
GET /people/{id} | root, admin | 200 | email id name notes role
`

func TestFieldsOfTheDirectory(t *testing.T) {
	people := newDirectory()
	mux := people.service(bulwark.Must(directoryPolicy()))
	authztest.Fields(t, mux, authztest.Walk{
		Callers: map[string]*bulwark.Principal{
			"alice, owner":      personAs("alice", "user"),
			"mallory, stranger": personAs("mallory", "user"),
			"root, admin":       personAs("root", "admin"),
			"nobody":            nil,
		},
		Values: func(authz.Route) map[string]string {
			people["alice"] = newDirectory()["alice"] // anew for each request
			return map[string]string{"id": "alice"}
		},
		Bodies: map[string]string{
			"PUT /people/{id}":   `{"name": "Al"}`,
			"PATCH /people/{id}": `{"name": "Al"}`,
		},
	}, "testdata/directory.golden")
}

// The page shows lines of the file.
func TestTheFileOfTheDirectory(t *testing.T) {
	text, err := os.ReadFile("testdata/directory.golden")
	if err != nil || !strings.Contains(string(text), answersOfTheDirectory[1:]) {
		t.Errorf("the file has other lines (%v):\n%s", err, text)
	}
}

// personTests are the rows of the table of the page.
var personTests = []struct {
	method, who, role, body string
	status                  int
	says                    string // code and pointer of the refusal
}{
	{"PATCH", "alice", "user", `{"name": "Al"}`, 200, ""},
	{"PATCH", "alice", "user", `{"role": "admin"}`, 403, "authz.field_forbidden /role"},
	{"PATCH", "alice", "user", `{"role": null}`, 403, "authz.field_forbidden /role"},
	{"PATCH", "root", "admin", `{"role": "admin"}`, 200, ""},
	{"PATCH", "root", "admin", `{"email": "x@example.com"}`, 403, "authz.field_forbidden /email"},
	{"PATCH", "root", "admin", `{"id": "bob"}`, 403, "authz.field_forbidden /id"},
	{"PATCH", "alice", "user", `{"ROLE": "admin"}`, 422, "authz.field_unknown /ROLE"},
	{"PATCH", "alice", "user", `{"Hash": "x"}`, 422, "authz.field_unknown /Hash"},
	{"PATCH", "alice", "user", `{"name": 1}`, 422, "authz.field_type /name"},
	{"PATCH", "alice", "user", `{"name": "Al", "name": "Bo"}`, 400, "body.malformed /name"},
	{"PATCH", "mallory", "user", `{"name": "Al"}`, 403, "authz.forbidden"},
	{"PUT", "alice", "user", `{"name": "Al"}`, 200, ""},
}

func TestWhatDecodeRefuses(t *testing.T) {
	for _, test := range personTests {
		people := newDirectory()
		mux := people.service(bulwark.Must(directoryPolicy()))
		r := httptest.NewRequest(test.method, "/people/alice", strings.NewReader(test.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, authtest.As(r, personAs(test.who, test.role)))
		var said struct {
			Code   string
			Errors []struct{ Pointer string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		says := said.Code
		if len(said.Errors) > 0 {
			says += " " + said.Errors[0].Pointer
		}
		if w.Code != test.status || says != test.says {
			t.Errorf("%s %s as %s: %d %s, want %d %s", test.method, test.body, test.who, w.Code, says, test.status, test.says)
		}
		if before := newDirectory()["alice"]; w.Code != 200 && people["alice"] != before {
			t.Errorf("%s %s as %s: the refused change is stored: %v", test.method, test.body, test.who, people["alice"])
		}
		// What the caller may not write is kept, also by a PUT that leaves it out.
		if after := people["alice"]; after.Hash != "$2a$" || after.Notes != "pays late" || test.method == "PUT" && (after.Email != "" || after.Role != "user") {
			t.Errorf("%s %s as %s: %+v", test.method, test.body, test.who, after)
		}
	}
}
