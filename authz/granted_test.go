package authz_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

type derivedKey struct{}

// A grant is of one request, and of the caller who made it.
func TestGrantOfAnotherRequest(t *testing.T) {
	var kept authz.Granted[*document]
	mux := authz.NewMux(mustPolicy(t, guide()))
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		if kept.Caller() == nil {
			kept = d
		}
		inside, scope := bulwark.Identify(r, d.Caller())
		part := r.Clone(r.Context())
		part, _ = bulwark.Enter(part)
		for name, test := range map[string]struct {
			ctx  context.Context
			good bool
		}{
			"the_request":      {r.Context(), true},
			"derived":          {context.WithValue(r.Context(), derivedKey{}, 1), true},
			"same_identity":    {inside.Context(), true},
			"another_header":   {scope.WithHeader(r, http.Header{}).Context(), true},
			"assumed":          {bulwark.WithPrincipal(r.Context(), as("bob", "admin")), false},
			"anonymous":        {bulwark.WithPrincipal(r.Context(), nil), false},
			"a_part_of_it":     {part.Context(), false},
			"no_request":       {t.Context(), false},
			"only_the_caller":  {bulwark.WithPrincipal(t.Context(), d.Caller()), false},
			"without_deadline": {context.WithoutCancel(r.Context()), true},
		} {
			got, err := d.For(test.ctx, "read")
			var problem *bulwark.Problem
			if test.good != (err == nil) || test.good != (got != nil) || err != nil && (!errors.As(err, &problem) || problem.Code != "authz.wrong_grant") {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		if _, err := kept.For(r.Context(), "read"); (err == nil) != (kept.Value() == d.Value()) {
			t.Errorf("the grant of the first request: %v", err)
		}
		if _, err := d.With(d.Value()).For(r.Context(), "read"); err == nil {
			t.Error("an unchecked state passes For")
		}
	})
	// One principal for both requests, as a cache of verified tokens returns it.
	alice := as("alice", "user")
	for range 2 {
		if w := get(mux, "/documents/1", alice); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
}
