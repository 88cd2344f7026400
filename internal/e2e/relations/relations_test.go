package relations

import (
	"net/http"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// owned returns a store with documents that belong to the caller.
func owned(owner *bulwark.Principal, ids ...string) map[string]*Document {
	store := map[string]*Document{}
	for _, id := range ids {
		store[id] = &Document{ID: id, OwnerIssuer: owner.Issuer, OwnerSubject: owner.Subject}
	}
	return store
}

// serve returns the API over an engine.
func serve(t testing.TB, p *peer, store map[string]*Document) http.Handler {
	t.Helper()
	api, err := newAPI(store, p.engine, p.search)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// An answer is what a client and an event say of a refusal. Of an answer with
// a document only the status and the body count.
type answer struct {
	status       int
	body         string // of a document
	code, reason string // of a refusal
}

func documentOf(id string) answer {
	return answer{status: http.StatusOK, body: "document " + id + "\n"}
}

var (
	hidden      = answer{status: http.StatusNotFound, code: "authz.not_found", reason: "authz.not_readable"}
	forbidden   = answer{status: http.StatusForbidden, code: "authz.forbidden", reason: "authz.not_within_reach"}
	unavailable = answer{status: http.StatusServiceUnavailable, code: "authz.engine_unavailable", reason: "authz.engine_unavailable"}
)

// want asserts the answer to a request.
func want(t *testing.T, api http.Handler, method, id string, caller *bulwark.Principal, expected answer) {
	t.Helper()
	got, events := ask(api, method, path(id), caller)
	if got.Code != expected.status {
		t.Errorf("%s %s as %s of %s: %d %s, want %d", method, id, caller.Subject, caller.Issuer, got.Code, got.Body, expected.status)
		return
	}
	if expected.code == "" {
		if got.Body.String() != expected.body || len(events) > 0 {
			t.Errorf("%s %s as %s: body %q, events %v", method, id, caller.Subject, got.Body, events)
		}
		return
	}
	problem := problemOf(t, got)
	if problem.Code != expected.code || problem.Status != expected.status || got.Header().Get("Content-Type") != "application/problem+json" || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s as %s: problem %+v, header %v", method, id, caller.Subject, problem, got.Header())
	}
	if retry := got.Header().Get("Retry-After"); (retry != "") != (expected.status == http.StatusServiceUnavailable) {
		t.Errorf("%s %s as %s: Retry-After %q", method, id, caller.Subject, retry)
	}
	events = slices.DeleteFunc(events, func(e bulwark.Event) bool { return e.Status == 0 }) // of a breaker
	if len(events) != 1 || events[0].Reason != expected.reason || events[0].Status != expected.status {
		t.Errorf("%s %s as %s: events %+v, want one with the reason %s", method, id, caller.Subject, events, expected.reason)
	}
}

// The engine lets in whom a relationship lets in, and nobody else.
func TestARelationshipLetsIn(t *testing.T) {
	owner := as(accounts, "owner")
	coOwner, editor, viewer := as(accounts, "co-owner"), as(accounts, "editor"), as(accounts, "viewer")
	staff, nested, reader, above := as(accounts, "staff"), as(accounts, "nested"), as(accounts, "reader"), as(accounts, "above")
	stranger, auditor, guest := as(accounts, "stranger"), as(accounts, "auditor", "auditor"), as(accounts, "viewer", "guest")
	peers(t, func(t *testing.T, p *peer) {
		for _, r := range []relationship{
			{object: document("plan"), relation: "owner", subject: user(coOwner)},
			{object: document("plan"), relation: "editor", subject: user(editor)},
			{object: document("plan"), relation: "viewer", subject: user(viewer)},
			{object: document("plan"), relation: "viewer", subject: members("staff")},
			{object: entity{kind: "group", id: "staff"}, relation: "member", subject: user(staff)},
			{object: entity{kind: "group", id: "staff"}, relation: "member", subject: members("team")},
			{object: entity{kind: "group", id: "team"}, relation: "member", subject: user(nested)},
			{object: document("plan"), relation: "folder", subject: folder("plans")},
			{object: folder("plans"), relation: "viewer", subject: user(reader)},
			{object: folder("plans"), relation: "parent", subject: folder("root")},
			{object: folder("root"), relation: "viewer", subject: user(above)},
			{object: document("other"), relation: "viewer", subject: user(stranger)},
		} {
			p.add(t, r)
		}
		api := serve(t, p, owned(owner, "plan", "other"))
		plan := documentOf("plan")
		for _, test := range []struct {
			who                    *bulwark.Principal
			read, update, deletion answer
		}{
			{owner, plan, plan, plan},
			{coOwner, plan, plan, plan},
			{editor, plan, plan, forbidden},
			{viewer, plan, forbidden, forbidden},
			{staff, plan, forbidden, forbidden},
			{nested, plan, forbidden, forbidden},
			{reader, plan, forbidden, forbidden},
			{above, plan, forbidden, forbidden},
			{stranger, hidden, hidden, hidden},
		} {
			want(t, api, "GET", "plan", test.who, test.read)
			want(t, api, "PUT", "plan", test.who, test.update)
			want(t, api, "DELETE", "plan", test.who, test.deletion)
		}
		// The policy decides first: a role without the reach "shared" gets
		// nothing from a relationship, and the reach "all" needs none.
		want(t, api, "GET", "plan", auditor, plan)
		if got, _ := ask(api, "GET", path("plan"), guest); got.Code != http.StatusForbidden {
			t.Errorf("a caller without a grant got %d", got.Code)
		}
		if got, _ := ask(api, "GET", path("plan"), nil); got.Code != http.StatusUnauthorized {
			t.Errorf("an anonymous caller got %d", got.Code)
		}
	})
}

// A relationship that is removed is gone at the next request, also if it is far
// away from the document.
func TestARevocationTakesEffectAtOnce(t *testing.T) {
	viewer, member := as(accounts, "viewer"), as(accounts, "member")
	peers(t, func(t *testing.T, p *peer) {
		direct := relationship{object: document("plan"), relation: "viewer", subject: user(viewer)}
		group := relationship{object: document("plan"), relation: "viewer", subject: members("staff")}
		inside := relationship{object: entity{kind: "group", id: "staff"}, relation: "member", subject: user(member)}
		p.add(t, direct)
		p.add(t, group)
		p.add(t, inside)
		api := serve(t, p, owned(as(accounts, "owner"), "plan"))
		for range 3 {
			want(t, api, "GET", "plan", viewer, documentOf("plan"))
			want(t, api, "GET", "plan", member, documentOf("plan"))
			p.remove(t, direct)
			want(t, api, "GET", "plan", viewer, hidden)
			want(t, api, "GET", "plan", member, documentOf("plan"))
			p.remove(t, inside)
			want(t, api, "GET", "plan", member, hidden)
			p.add(t, direct)
			p.add(t, inside)
		}
	})
}

// Two issuers may each have a user "alice". Names that mean something to an
// engine are names like any other.
func TestCallersAreDifferentSubjects(t *testing.T) {
	callers := []*bulwark.Principal{
		as(accounts, "alice"), as(partners, "alice"), as(accounts, "Alice"),
		as(accounts, "*"), as(accounts, "alice#member"), as(accounts, "group:staff#member"), as(accounts, "user:alice"),
		as(accounts, "a b\tc\n"), as(accounts, "ältere/../alice"), as(accounts, "\x00"), as(accounts, "=alice+|"),
		as("https://a.example/", "bc"), as("https://a.example/b", "c"), as("https://a.example", "/bc"),
	}
	peers(t, func(t *testing.T, p *peer) {
		var ids []string
		for i, caller := range callers {
			id := string(rune('a' + i))
			ids = append(ids, id)
			p.add(t, relationship{object: document(id), relation: "viewer", subject: user(caller)})
		}
		api := serve(t, p, owned(as(accounts, "owner"), ids...))
		for i, caller := range callers {
			for j, id := range ids {
				expected := hidden
				if i == j {
					expected = documentOf(id)
				}
				want(t, api, "GET", id, caller, expected)
			}
		}
	})
}

// Ids that clients choose mean nothing else to an engine either.
func TestObjectsAreDifferentObjects(t *testing.T) {
	viewer := as(accounts, "viewer")
	ids := []string{"a", "a#viewer", "document:a", "*", "a@user:b", "ä b"}
	peers(t, func(t *testing.T, p *peer) {
		store := owned(as(accounts, "owner"), ids...)
		for _, shared := range ids {
			r := relationship{object: document(shared), relation: "viewer", subject: user(viewer)}
			p.add(t, r)
			api := serve(t, p, store)
			for _, id := range ids {
				expected := hidden
				if id == shared {
					expected = documentOf(id)
				}
				want(t, api, "GET", id, viewer, expected)
			}
			p.remove(t, r)
		}
	})
}

// A document that the caller may not read looks as if it did not exist.
func TestHiddenEqualsMissing(t *testing.T) {
	peers(t, func(t *testing.T, p *peer) {
		edge := bulwark.Edge{Hosts: []string{"api.example"}, RequestID: func(*http.Request) string { return "the-same" }}
		stack, err := bulwark.Chain(edge)
		if err != nil {
			t.Fatal(err)
		}
		api := stack.Wrap(serve(t, p, owned(as(accounts, "owner"), "plan")))
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			there, _ := ask(api, method, path("plan"), as(accounts, "stranger"))
			missing, _ := ask(api, method, path("none"), as(accounts, "stranger"))
			if there.Code != http.StatusNotFound || there.Code != missing.Code || there.Body.String() != missing.Body.String() {
				t.Errorf("%s: %d %s, and of a missing document %d %s", method, there.Code, there.Body, missing.Code, missing.Body)
			}
			if a, b := fields(there.Header()), fields(missing.Header()); !slices.Equal(a, b) {
				t.Errorf("%s: header %q, and of a missing document %q", method, a, b)
			}
		}
	})
}

// While the engine is down, nobody gets in by a relationship. What the policy
// knows by itself goes on.
func TestAnEngineThatIsDownGrantsNothing(t *testing.T) {
	owner, viewer, auditor := as(accounts, "owner"), as(accounts, "viewer"), as(accounts, "auditor", "auditor")
	peers(t, func(t *testing.T, p *peer) {
		p.add(t, relationship{object: document("plan"), relation: "viewer", subject: user(viewer)})
		api := serve(t, p, owned(owner, "plan"))
		want(t, api, "GET", "plan", viewer, documentOf("plan"))
		p.stop()
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			want(t, api, method, "plan", viewer, unavailable)
			want(t, api, method, "plan", as(accounts, "stranger"), unavailable)
			want(t, api, method, "plan", owner, documentOf("plan"))
		}
		want(t, api, "GET", "plan", auditor, documentOf("plan"))
		want(t, api, "GET", "none", viewer, answer{status: http.StatusNotFound, code: "authz.not_found", reason: "authz.not_found"})
	})
}

// A relationship under a condition whose context nobody sends lets nobody in.
func TestAConditionWithoutItsContext(t *testing.T) {
	viewer := as(accounts, "viewer")
	for _, test := range []struct {
		name     string
		start    func(testing.TB) *peer
		expected answer
	}{
		{"OpenFGA", func(t testing.TB) *peer { return startOpenFGA(t) }, unavailable}, // it answers 400
		{"SpiceDB", startSpiceDB, hidden},                                             // it answers that the permission is conditional
	} {
		t.Run(test.name, func(t *testing.T) {
			p := test.start(t)
			p.add(t, relationship{object: document("plan"), relation: "viewer", subject: user(viewer), condition: "on_network"})
			want(t, serve(t, p, owned(as(accounts, "owner"), "plan")), "GET", "plan", viewer, test.expected)
		})
	}
}
