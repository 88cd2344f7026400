package relations

import (
	"context"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// compared returns an engine that answers as old does, and reports where next
// would answer otherwise.
func compared(old, next authz.Engine, report func(context.Context, authzen.Difference)) *authzen.Shadow {
	return &authzen.Shadow{Engine: old, Candidate: next, Report: report}
}

// The answer is that of the old engine, and a difference is told.
func TestFromOneEngineToAnother(t *testing.T) {
	old, next := startOpenFGA(t), startSpiceDB(t)
	viewer, revoked := as(accounts, "viewer"), as(accounts, "revoked")
	for _, p := range []*peer{old, next} {
		p.add(t, relationship{object: document("plan"), relation: "viewer", subject: user(viewer)})
	}
	old.add(t, relationship{object: document("plan"), relation: "viewer", subject: user(revoked)})
	differences := make(chan authzen.Difference, 10)
	shadow := compared(old.engine, next.engine, func(_ context.Context, d authzen.Difference) { differences <- d })
	shadow.Timeout = 5 * time.Second // for a machine that is busy
	api, err := newAPI(owned(as(accounts, "owner"), "plan"), shadow, old.search)
	if err != nil {
		t.Fatal(err)
	}
	for _, caller := range []string{"viewer", "revoked"} {
		if got, _ := ask(api, "GET", path("plan"), as(accounts, caller)); got.Code != 200 {
			t.Errorf("%s got %d, want the answer of the old engine", caller, got.Code)
		}
	}
	if got, _ := ask(api, "GET", path("plan"), as(accounts, "stranger")); got.Code != 404 {
		t.Errorf("the stranger got %d", got.Code)
	}
	d := <-differences
	if d.Query.Principal.Subject != "revoked" || d.Query.ID != engineID("plan") || !d.Engine.Allowed || d.Candidate.Allowed {
		t.Errorf("the difference is %+v", d)
	}
	if err := shadow.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if c := shadow.Counts(); c.Different != 1 || len(differences) > 0 {
		t.Errorf("counts %+v, and %d more differences", c, len(differences))
	}
}
