package recipes

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/validate"
)

// A Document belongs to the caller who has made it.
type Document struct {
	ID           string `json:"id" authz:"read=*"`
	Title        string `json:"title" authz:"read=*,write=own"`
	OwnerIssuer  string `json:"-"`
	OwnerSubject string `json:"-"`
	Version      int    `json:"-"`
}

func libraryPolicy() (*authz.Policy, error) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{
			"document": {"create", "read", "update", "delete"},
			"group":    {"read"},
		},
		Roles: authz.Roles{
			"user":    {Grants: []string{"document:*:own", "group:read:own"}},
			"auditor": {Grants: []string{"document:read:all", "document:delete:own"}},
		},
	})
	if err != nil {
		return nil, err
	}
	return policy, authz.Fields[Document](policy) // see fields.md
}

// A library keeps documents. It stores and deletes nothing without a grant.
type library struct {
	documents map[string]Document
	meanwhile func() // what another request does after the check
}

func (l *library) load(_ context.Context, r *http.Request) (*Document, error) {
	return l.find(r.PathValue("id"))
}

func (l *library) find(id string) (*Document, error) {
	d, ok := l.documents[id]
	if !ok {
		return nil, authz.ErrNotFound
	}
	return &d, nil
}

var errConflict = &bulwark.Problem{Status: http.StatusConflict, Code: "documents.conflict"}

func (l *library) service(policy *authz.Policy) *authz.Mux {
	mux := authz.NewMux(policy)

	documents := authz.Resource[*Document]{
		Name: "document",
		Load: l.load, // by r.PathValue("id")
		Owner: func(d *Document) (issuer, subject string) {
			return d.OwnerIssuer, d.OwnerSubject
		},
		Policy: policy, // for the late check below
	}
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), getDocument)
	authz.HandleObject(mux, "PUT /documents/{id}", documents.Can("update"), l.putDocument,
		validate.Config{Body: validate.SchemaJSON(`{"properties": {"title": {"maxLength": 100}}}`)})
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), l.deleteDocument)

	authz.HandleList(mux, "GET /documents", documents.Can("read"), l.listDocuments)
	authz.HandleCreate(mux, "POST /documents", documents.Can("create"), l.createDocument)

	mux.Handle("POST /prints", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := l.named(w, r) // by the id in the body
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		g, err := documents.Check(r, "read", d) // needs Resource.Policy
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		printDocument(w, g.Value())
	}))

	groups := authz.Resource[*Group]{
		Name: "group",
		Load: func(_ context.Context, r *http.Request) (*Group, error) {
			if r.PathValue("name") != "team/backend" {
				return nil, authz.ErrNotFound
			}
			return &Group{Path: "team/backend"}, nil
		},
		Owner:     func(*Group) (issuer, subject string) { return "test", "alice" },
		Forbidden: http.StatusForbidden,
	}
	authz.HandleObject(mux, "GET /groups/{name}", groups.Can("read"), getGroup, authz.SlashIn("name"))
	return mux
}

// A Group is public by name, and not by its content.
type Group struct{ Path string }

func getGroup(w http.ResponseWriter, _ *http.Request, g authz.Granted[*Group]) {
	json.NewEncoder(w).Encode(g.Value())
}

func getDocument(w http.ResponseWriter, r *http.Request, g authz.Granted[*Document]) {
	authz.Write(w, r, g)
}

func printDocument(w http.ResponseWriter, d *Document) {
	w.Write([]byte(d.Title))
}

func (l *library) named(w http.ResponseWriter, r *http.Request) (*Document, error) {
	var body struct{ Document string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1024)).Decode(&body); err != nil {
		return nil, &bulwark.Problem{Status: http.StatusBadRequest, Code: "documents.print", Err: err}
	}
	return l.find(body.Document)
}

func (l *library) putDocument(w http.ResponseWriter, r *http.Request, g authz.Granted[*Document]) {
	next, err := authz.Decode(w, r, g)
	if err == nil {
		err = l.save(r.Context(), next, "update")
	}
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	authz.Write(w, r, next)
}

func (l *library) deleteDocument(w http.ResponseWriter, r *http.Request, g authz.Granted[*Document]) {
	if l.meanwhile != nil {
		l.meanwhile()
	}
	if err := l.Delete(r.Context(), g); err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (l *library) listDocuments(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
	var found []*Document
	for _, id := range slices.Sorted(maps.Keys(l.documents)) {
		d := l.documents[id]
		if reach.All || d.OwnerIssuer == reach.Match["issuer"] && d.OwnerSubject == reach.Match["subject"] {
			found = append(found, &d)
		}
	}
	authz.WriteList(w, r, reach, found)
}

func (l *library) createDocument(w http.ResponseWriter, r *http.Request, check func(*Document) (authz.Granted[*Document], error)) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	g, err := check(&Document{ID: rand.Text(), OwnerIssuer: caller.Issuer, OwnerSubject: caller.Subject})
	if err == nil {
		g, err = authz.Decode(w, r, g) // the fields that this owner may write
	}
	if err == nil {
		err = l.save(r.Context(), g, "create")
	}
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	authz.Write(w, r, g) // with 201
}

func (l *library) save(ctx context.Context, g authz.Granted[*Document], action string) error {
	d, err := g.For(ctx, action)
	if err != nil {
		return err
	}
	if l.documents[d.ID].Version != d.Version {
		return errConflict
	}
	next := *d
	next.Version++
	l.documents[d.ID] = next
	return nil
}

func (l *library) Delete(ctx context.Context, g authz.Granted[*Document]) error {
	d, err := g.For(ctx, "delete")
	if err != nil {
		return err
	}
	return l.deleteVersion(d.ID, d.Version)
}

func (l *library) deleteVersion(id string, version int) error {
	if l.documents[id].Version != version {
		return errConflict
	}
	delete(l.documents, id)
	return nil
}

func newLibrary() *library {
	return &library{documents: map[string]Document{
		"7": {ID: "7", Title: "Plans", OwnerIssuer: "test", OwnerSubject: "alice"},
		"8": {ID: "8", Title: "Songs", OwnerIssuer: "test", OwnerSubject: "bob"},
	}}
}

// libraryTests are what the page says of the answers, with the reason of the
// event of a refusal. The alice of another issuer is a stranger.
var libraryTests = []struct {
	name, issuer, who, role    string
	method, target, body       string
	status                     int
	code, reason, shows, hides string
}{
	{"the_owner_reads", "test", "alice", "user", "GET", "/documents/7", "", 200, "", "", `"title":"Plans"`, "OwnerSubject"},
	{"a_strangers_is_404", "test", "alice", "user", "GET", "/documents/8", "", 404, "authz.not_found", "authz.not_readable", "", "Songs"},
	{"a_missing_one_is_404", "test", "alice", "user", "GET", "/documents/9", "", 404, "authz.not_found", "authz.not_found", "", ""},
	{"another_issuers_alice", "other", "alice", "user", "GET", "/documents/7", "", 404, "authz.not_found", "authz.not_readable", "", "Plans"},
	{"readable_and_not_deletable", "test", "eve", "auditor", "DELETE", "/documents/7", "", 403, "authz.forbidden", "authz.not_within_reach", "", ""},
	{"a_stranger_does_not_reach_the_schema", "test", "alice", "user", "PUT", "/documents/8", `{"title": 7, "x": [`, 404, "authz.not_found", "authz.not_readable", "", ""},
	{"the_owner_puts", "test", "alice", "user", "PUT", "/documents/7", `{"title": "Next"}`, 200, "", "", `"title":"Next"`, ""},
	{"the_list_has_own_objects", "test", "alice", "user", "GET", "/documents", "", 200, "", "", "Plans", "Songs"},
	{"the_list_of_an_auditor", "test", "eve", "auditor", "GET", "/documents", "", 200, "", "", "Songs", "OwnerSubject"},
	{"create", "test", "alice", "user", "POST", "/documents", `{"title": "New"}`, 201, "", "", `"title":"New"`, ""},
	{"create_with_an_owner", "test", "alice", "user", "POST", "/documents", `{"title": "New", "OwnerSubject": "bob"}`, 422, "authz.field_unknown", "authz.field_unknown", "/OwnerSubject", ""},
	{"print_own", "test", "alice", "user", "POST", "/prints", `{"document": "7"}`, 200, "", "", "Plans", ""},
	{"print_a_strangers", "test", "alice", "user", "POST", "/prints", `{"document": "8"}`, 404, "authz.not_found", "authz.not_readable", "", "Songs"},
	{"print_a_missing_one", "test", "alice", "user", "POST", "/prints", `{"document": "9"}`, 404, "authz.not_found", "authz.not_found", "", ""},
	{"a_name_with_a_slash", "test", "alice", "user", "GET", "/groups/team%2Fbackend", "", 200, "", "", "team/backend", ""},
	{"an_empty_segment", "test", "alice", "user", "GET", "/groups/team%2F%2Fbackend", "", 400, "authz.path_value", "authz.path_value", "", ""},
	{"a_slash_elsewhere", "test", "alice", "user", "GET", "/documents/7%2F8", "", 400, "authz.path_value", "authz.path_value", "", ""},
	{"forbidden_by_choice", "test", "bob", "user", "GET", "/groups/team%2Fbackend", "", 403, "authz.forbidden", "authz.not_readable", "", "team/backend"},
	{"missing_by_choice", "test", "bob", "user", "GET", "/groups/team%2Fother", "", 404, "authz.not_found", "authz.not_found", "", ""},
}

func TestTheObjectsOfOneUser(t *testing.T) {
	for _, test := range libraryTests {
		t.Run(test.name, func(t *testing.T) {
			var events bulwarktest.Recorder
			mux := newLibrary().service(bulwark.Must(libraryPolicy()))
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			caller := &bulwark.Principal{Issuer: test.issuer, Subject: test.who, Roles: []string{test.role}}
			events.Wrap(mux).ServeHTTP(w, authtest.As(r, caller))
			body := w.Body.String()
			if w.Code != test.status || !strings.Contains(body, test.shows) || !strings.Contains(body, test.code) {
				t.Errorf("%d %s, want %d %s with %s", w.Code, body, test.status, test.code, test.shows)
			}
			if test.hides != "" && strings.Contains(body, test.hides) {
				t.Errorf("the answer tells %s: %s", test.hides, body)
			}
			var reasons []string
			for _, e := range events.Events() {
				reasons = append(reasons, e.Reason)
			}
			if strings.Join(reasons, " ") != test.reason {
				t.Errorf("events %q, want %q", reasons, test.reason)
			}
		})
	}
}

// A change between the check and the write is a conflict.
func TestAChangeAfterTheCheck(t *testing.T) {
	l := newLibrary()
	l.meanwhile = func() {
		l.documents["7"] = Document{ID: "7", OwnerIssuer: "test", OwnerSubject: "bob", Version: 1}
	}
	r := authtest.As(httptest.NewRequest("DELETE", "/documents/7", nil), personAs("alice", "user"))
	w := httptest.NewRecorder()
	l.service(bulwark.Must(libraryPolicy())).ServeHTTP(w, r)
	if _, there := l.documents["7"]; w.Code != http.StatusConflict || !there {
		t.Errorf("%d %s: the document of bob is there: %t", w.Code, w.Body, there)
	}
}

// The golden table shows the late check as weak.
func TestTheRoutesOfTheLibrary(t *testing.T) {
	mux := newLibrary().service(bulwark.Must(libraryPolicy()))
	if routes := authztest.Routes(mux); !strings.Contains(routes, "POST /prints | deferred | every caller | weak: ") {
		t.Error(routes)
	}
	authztest.Matrix(t, mux, []string{"user", "auditor"})
}
