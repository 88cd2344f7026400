package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// sizedPolicy is a policy with about n grants: a moderator who inherits from a
// user, and n roles with one resource each.
func sizedPolicy(n int) (*authz.Policy, error) {
	c := authz.PolicyConfig{Resources: map[string][]string{"document": {"create", "read", "update", "delete"}}, Roles: authz.Roles{
		"user":      {Grants: []string{"document:read:own", "document:update:own"}},
		"moderator": {Inherits: []string{"user"}, Grants: []string{"document:read:all"}},
	}}
	for i := range n {
		c.Resources[fmt.Sprint("resource", i)] = []string{"read"}
		c.Roles[fmt.Sprint("role", i)] = authz.Role{Grants: []string{fmt.Sprintf("resource%d:read:all", i)}}
	}
	return authz.NewPolicy(c)
}

// sizedRules is sizedPolicy in casbin's terms.
func sizedRules(n int) (rules, inherits [][]string) {
	for i := range n {
		rules = append(rules, []string{fmt.Sprint("role", i), fmt.Sprint("resource", i), "read", "all"})
	}
	rules = append(rules, []string{"user", "document", "read", "own"}, []string{"user", "document", "update", "own"}, []string{"moderator", "document", "read", "all"})
	return rules, [][]string{{"moderator", "user"}}
}

// decideTable asks whether a moderator may update its own document, which it
// inherits.
func decideTable() Table {
	t := Table{Name: "Authorization: one decision, a role with one inheritance", Ours: "bulwark Policy.Decide, 30 rules"}
	name := func(n int) string { return fmt.Sprintf("bulwark Policy.Decide, %d rules", n) }
	for _, n := range []int{30, 1000} {
		t.Cases = append(t.Cases,
			plain(name(n), "", func() (func(), error) {
				policy, err := sizedPolicy(n)
				if err != nil {
					return nil, err
				}
				q := authz.Query{Principal: &bulwark.Principal{Issuer: issuer, Subject: caller, Roles: []string{"moderator"}}, Resource: "document", Action: "update", Reach: "own"}
				return func() {
					if !policy.Decide(q).Allowed {
						panic("denied")
					}
				}, nil
			}),
			plain(fmt.Sprintf("casbin Enforce, %d rules", n), "", func() (func(), error) {
				enforcer, err := newEnforcer(sizedRules(n))
				return func() {
					if ok, err := enforcer.Enforce("moderator", "document", "update", "own"); !ok || err != nil {
						panic("denied")
					}
				}, err
			}),
			decided(fmt.Sprintf("cedar Authorize, %d rules", n), n, cedarDecision),
			decided(fmt.Sprintf("opa prepared query, %d rules", n), n, opaDecision))
		t.Musts = append(t.Musts,
			within(fmt.Sprintf("%d rules: ≤ 100 ns", n), name(n), 100*time.Nanosecond),
			allocs(fmt.Sprintf("%d rules: no allocation", n), name(n), "", 0))
	}
	t.Musts = append(t.Musts, ratio("flat from 30 to 1,000 rules (≤ 1.2×)", name(1000), name(30), 1.2))
	return t
}

// decided is the case of a decision that a peer makes.
func decided(name string, n int, open func(n int) (func() bool, error)) Case {
	return plain(name, "", func() (func(), error) {
		decide, err := open(n)
		return func() {
			if !decide() {
				panic("denied")
			}
		}, err
	})
}

// routeTable compares routes of authz with what a careful handler does by hand.
func routeTable() Table {
	const plainMux, ruled, byHand, object = "http.ServeMux", "authz.Mux, Require", "authz.Mux, Authenticated, and the object checked by hand", "authz.Mux, HandleObject"
	d := &Document{ID: docID, OwnerID: caller, ownerIssuer: issuer}
	check := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := bulwark.PrincipalFrom(r.Context())
		if !ok || r.PathValue("id") == "" || p.Issuer != d.ownerIssuer || p.Subject != d.OwnerID {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	const pattern = "GET /documents/{id}"
	load := Workloads()[0]
	load.Scoped = true
	route := func(name string, build func(*authz.Policy) http.Handler) Case {
		return handled(name, "", func() (http.Handler, error) {
			policy, err := sizedPolicy(30)
			if err != nil {
				return nil, err
			}
			return build(policy), nil
		}, load)
	}
	served := func(h http.Handler) func(*authz.Policy) http.Handler {
		return func(*authz.Policy) http.Handler {
			mux := http.NewServeMux()
			mux.Handle(pattern, h)
			return mux
		}
	}
	return Table{
		Name: "Authorization: a whole route",
		Note: "All inside a scope with a known caller. Only the first two set a header field.",
		Cases: []Case{
			route(plainMux, served(nothing)),
			route(ruled, func(p *authz.Policy) http.Handler {
				mux := authz.NewMux(p)
				mux.Handle(pattern, authz.Require("document:update:own"), nothing)
				return mux
			}),
			route("http.ServeMux, the object checked by hand", served(check)),
			route(byHand, func(p *authz.Policy) http.Handler {
				mux := authz.NewMux(p)
				mux.Handle(pattern, authz.Authenticated(), check)
				return mux
			}),
			route(object, func(p *authz.Policy) http.Handler {
				mux := authz.NewMux(p)
				documents := authz.Resource[*Document]{Name: "document",
					Load:  func(_ context.Context, r *http.Request) (*Document, error) { _ = r.PathValue("id"); return d, nil },
					Owner: func(d *Document) (string, string) { return d.ownerIssuer, d.OwnerID }}
				authz.HandleObject(mux, pattern, documents.Can("update"), func(http.ResponseWriter, *http.Request, authz.Granted[*Document]) {})
				return mux
			}),
		},
		Musts: []Must{
			ratio("authz.Mux: ≤ 1.25× ServeMux", ruled, plainMux, 1.25),
			allocs("authz.Mux: ≤ 1 allocation beyond ServeMux", ruled, plainMux, 1),
			ratio("HandleObject: ≤ 1.3× a check by hand", object, byHand, 1.3),
			allocs("HandleObject: no allocation beyond a check by hand", object, byHand, 0),
		},
	}
}

// note is an object that lists hold, as big as 300 bytes of JSON.
type note struct {
	ID        string    `json:"id" authz:"read=*"`
	OwnerID   string    `json:"owner_id" authz:"read=*"`
	Title     string    `json:"title" authz:"read=*,write=own"`
	Content   string    `json:"content" authz:"read=own|admin,write=own"`
	CreatedAt time.Time `json:"created_at" authz:"read=*"`
	Review    string    `json:"review" authz:"read=admin"`
}

// listTable writes 100 objects of 30 KB together. WriteList checks each of
// them, and leaves out what the caller may not read.
func listTable() Table {
	const fields, marshal, maps, tokens = "bulwark WriteList, fields by role", "json.Marshal and Write",
		"fields by a round trip over a map", "fields by a stream of json.Token"
	items := make([]*note, 100)
	for i := range items {
		items[i] = &note{strconv.Itoa(i), caller, "Minutes of the meeting", strings.Repeat("All was found good. ", 8), madeAt, "reviewed"}
	}
	load := Workloads()[0]
	load.Scoped = true
	serve := func(name string, least int, secret bool, write func(http.ResponseWriter, *http.Request, authz.Reach) error) Case {
		return handled(name, "", func() (http.Handler, error) {
			policy, err := authz.NewPolicy(policyConfig())
			if err != nil {
				return nil, err
			}
			if err := authz.Fields[note](policy); err != nil {
				return nil, err
			}
			mux := authz.NewMux(policy)
			notes := authz.Resource[*note]{Name: "document", Owner: func(n *note) (string, string) { return issuer, n.OwnerID }}
			var fault error
			authz.HandleList(mux, "GET /documents/{id}", notes.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
				fault = errors.Join(fault, write(w, r, reach))
			})
			d := load.Driver(mux, Token())
			defer d.Close()
			if status, _, text := d.Answer(); status != http.StatusOK || len(text) < least || strings.Contains(string(text), "review") != secret || fault != nil {
				return nil, fmt.Errorf("status %d, %d bytes: %w", status, len(text), fault)
			}
			return mux, nil
		}, load)
	}
	return Table{
		Name: "Authorization: writing a list of 100 objects, 30 KB", Ours: fields,
		Note: "WriteList checks the owner of each element. One of six fields is not for the caller.",
		Cases: []Case{
			serve(fields, 25_000, false, func(w http.ResponseWriter, r *http.Request, reach authz.Reach) error {
				authz.WriteList(w, r, reach, items)
				return nil
			}),
			serve(marshal, 25_000, true, func(w http.ResponseWriter, r *http.Request, _ authz.Reach) error {
				text, err := json.Marshal(map[string]any{"items": items})
				w.Write(text)
				return err
			}),
			serve(maps, 25_000, false, func(w http.ResponseWriter, r *http.Request, _ authz.Reach) error { return overMap(w, items) }),
			serve(tokens, 25_000, false, func(w http.ResponseWriter, r *http.Request, _ authz.Reach) error { return overTokens(w, items) }),
		},
		Musts: []Must{ratio("fields by role: ≤ 1.5× json.Marshal", fields, marshal, 1.5)},
	}
}
