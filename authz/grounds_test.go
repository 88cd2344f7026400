package authz_test

import (
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A sampled event names the first part of an Any that passes, and no grant of a
// part that does not pass or that was not needed.
func TestSampleOfAnyNamesOnePart(t *testing.T) {
	c := guide()
	c.SampleAllows = 1
	mux := authz.NewMux(mustPolicy(t, c))
	rule := authz.Any(authz.Require("document:read:own").Scopes("no:such"), authz.Require("document:read:all"), authz.RequireRole("moderator"), authz.Require("document:delete:own"))
	mux.Handle("GET /one", rule, ok())
	var rec bulwarktest.Recorder
	if w := serve(rec.Wrap(mux), request("GET", "/one", as("carol", "moderator"))); w.Code != 200 {
		t.Fatal(w.Code)
	}
	events := rec.Take()
	if len(events) != 1 {
		t.Fatal(events)
	}
	var got []string
	for _, a := range events[0].Attrs {
		if a.Key != "" {
			got = append(got, a.String())
		}
	}
	if !slices.Equal(got, []string{"role=moderator", "grants=read:all"}) {
		t.Errorf("attributes are %q", got)
	}
}
