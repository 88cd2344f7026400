package relations

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A peer is a running engine with its relationships.
type peer struct {
	engine      authz.Engine
	search      search
	add, remove func(testing.TB, relationship)
	stop        func()
}

// An entity is an object or a subject of a relationship. With a relation it is
// everybody who has that relation.
type entity struct{ kind, id, relation string }

// String is the entity as OpenFGA writes it.
func (e entity) String() string {
	if e.relation != "" {
		return e.kind + ":" + e.id + "#" + e.relation
	}
	return e.kind + ":" + e.id
}

// A relationship says that a subject has a relation to an object, perhaps under
// a condition of the model.
type relationship struct {
	object    entity
	relation  string
	subject   entity
	condition string
}

func document(id string) entity { return entity{kind: "document", id: engineID(id)} }
func folder(id string) entity   { return entity{kind: "folder", id: id} }
func members(id string) entity  { return entity{kind: "group", id: id, relation: "member"} }

func user(p *bulwark.Principal) entity { return entity{kind: "user", id: userID(p)} }

// peers runs a test over both engines.
func peers(t *testing.T, test func(*testing.T, *peer)) {
	t.Run("OpenFGA", func(t *testing.T) { test(t, startOpenFGA(t)) })
	t.Run("SpiceDB", func(t *testing.T) { test(t, startSpiceDB(t)) })
}

const (
	accounts = "https://accounts.example"
	partners = "https://partners.example"
)

func as(issuer, subject string, roles ...string) *bulwark.Principal {
	if roles == nil {
		roles = []string{"user"}
	}
	return &bulwark.Principal{Issuer: issuer, Subject: subject, Roles: roles}
}

// ask sends one request as a caller, and returns the answer and the events.
func ask(api http.Handler, method, path string, caller *bulwark.Principal) (*httptest.ResponseRecorder, []bulwark.Event) {
	var events bulwarktest.Recorder
	r := httptest.NewRequest(method, "http://api.example"+path, nil)
	w := httptest.NewRecorder()
	events.Wrap(api).ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), caller)))
	return w, events.Events()
}

func path(id string) string { return "/documents/" + url.PathEscape(id) }
