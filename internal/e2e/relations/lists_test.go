package relations

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// listed returns the ids of a list.
func listed(t *testing.T, api http.Handler, path string, caller *bulwark.Principal) []string {
	t.Helper()
	got, events := ask(api, "GET", path, caller)
	var body struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || got.Code != http.StatusOK || len(events) > 0 {
		t.Fatalf("%s as %s: %d %s, events %v, error %v", path, caller.Subject, got.Code, got.Body, events, err)
	}
	ids := []string{}
	for _, item := range body.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// A list has the caller's own documents and those that relationships reach. The
// engine is asked in batches: 120 documents are more than one batch of OpenFGA.
func TestAListHasWhatTheEngineAllows(t *testing.T) {
	owner, viewer, stranger := as(accounts, "owner"), as(accounts, "viewer"), as(accounts, "stranger")
	var ids, even []string
	for i := range 120 {
		id := fmt.Sprintf("%03d", i)
		ids = append(ids, id)
		if i%2 == 0 {
			even = append(even, id)
		}
	}
	store := owned(owner, ids...)
	store["mine"] = &Document{ID: "mine", OwnerIssuer: viewer.Issuer, OwnerSubject: viewer.Subject}
	peers(t, func(t *testing.T, p *peer) {
		p.add(t, relationship{object: folder("plans"), relation: "viewer", subject: user(viewer)})
		for _, id := range even {
			p.add(t, relationship{object: document(id), relation: "folder", subject: folder("plans")})
		}
		counted := &counter{engine: p.engine}
		p.engine = counted
		api := serve(t, p, store)
		if got, want := listed(t, api, "/documents", viewer), append(slices.Clone(even), "mine"); !slices.Equal(got, want) {
			t.Errorf("the viewer's list is %v, want %v", got, want)
		}
		if counted.single != 0 || counted.batches != 1 {
			t.Errorf("the engine was asked %d times alone and %d times together, want 0 and 1", counted.single, counted.batches)
		}
		if got := listed(t, api, "/documents", stranger); len(got) > 0 {
			t.Errorf("the stranger's list is %v", got)
		}
		if got := listed(t, api, "/documents", owner); !slices.Equal(got, ids) {
			t.Errorf("the owner's list is %v", got)
		}
		if got := listed(t, api, "/shared", viewer); !slices.Equal(got, even) {
			t.Errorf("what is shared with the viewer is %v, want %v", got, even)
		}
		if got := listed(t, api, "/shared", stranger); len(got) > 0 {
			t.Errorf("what is shared with the stranger is %v", got)
		}
		p.remove(t, relationship{object: folder("plans"), relation: "viewer", subject: user(viewer)})
		if got := listed(t, api, "/documents", viewer); !slices.Equal(got, []string{"mine"}) {
			t.Errorf("after the revocation the list is %v", got)
		}
	})
}

// A list without the answer of the engine would be a list with holes, so there
// is none.
func TestAListOfAnEngineThatIsDown(t *testing.T) {
	owner, viewer := as(accounts, "owner"), as(accounts, "viewer")
	peers(t, func(t *testing.T, p *peer) {
		api := serve(t, p, owned(owner, "one", "two"))
		p.stop()
		got, events := ask(api, "GET", "/documents", viewer)
		if got.Code != http.StatusServiceUnavailable || problemOf(t, got).Code != "authz.engine_unavailable" || got.Header().Get("Retry-After") == "" {
			t.Errorf("%d %s, header %v", got.Code, got.Body, got.Header())
		}
		if len(events) != 1 || events[0].Reason != "authz.engine_unavailable" {
			t.Errorf("events %+v", events)
		}
		if got := listed(t, api, "/documents", owner); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("the owner's list is %v", got)
		}
	})
}
