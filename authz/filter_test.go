package authz_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A choir is a BatchEngine of the tests. It keeps the sizes of its batches.
type choir struct {
	*oracle
	all func(ctx context.Context, queries []authz.Query) ([]authz.Decision, error)

	mu    sync.Mutex
	sizes []int
}

func (c *choir) DecideAll(ctx context.Context, queries []authz.Query) ([]authz.Decision, error) {
	c.mu.Lock()
	c.sizes = append(c.sizes, len(queries))
	c.mu.Unlock()
	for _, q := range queries {
		c.note(q)
	}
	return c.all(ctx, queries)
}

// sharing makes an engine that allows these ids.
func sharing(ids ...string) *choir {
	one := func(_ context.Context, q *authz.Query) (authz.Decision, error) {
		return authz.Decision{Allowed: slices.Contains(ids, q.ID)}, nil
	}
	return &choir{oracle: &oracle{answer: one}, all: func(ctx context.Context, queries []authz.Query) ([]authz.Decision, error) {
		decisions := make([]authz.Decision, len(queries))
		for i := range queries {
			decisions[i], _ = one(ctx, &queries[i])
			queries[i] = authz.Query{} // an engine that breaks its contract
		}
		return decisions, nil
	}}
}

// batch makes an engine that answers batches in this way, and allows alone.
func batch(all func(ctx context.Context, queries []authz.Query) ([]authz.Decision, error)) *choir {
	return &choir{oracle: allowing(), all: all}
}

// yes are n decisions that allow.
func yes(n int) []authz.Decision { return slices.Repeat([]authz.Decision{allow}, n) }

// listMux lists all documents of the shelf, filtered or not.
func listMux(t *testing.T, shared, team authz.Engine, filter bool) *authz.Mux {
	t.Helper()
	mux := authz.NewMux(mustPolicy(t, sharedPolicy()))
	res := sharedDocuments(shared, team)
	authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		w.Header().Set("X-Total-Count", "4")
		items := everything()
		if filter {
			found, err := res.Filter(r, reach, items)
			if err != nil {
				if found != nil {
					t.Errorf("a part of a list beside an error: %v", found)
				}
				w.Header().Del("X-Total-Count")
				bulwark.Deny(w, r, err)
				return
			}
			items = found
		}
		authz.WriteList(w, r, reach, items)
	})
	return mux
}

func everything() (all []*document) {
	for _, id := range []string{"1", "2", "3", "4"} {
		d := shelf[id]
		all = append(all, &d)
	}
	return all
}

// ids returns the ids of a list that was answered.
func ids(t *testing.T, body []byte) string {
	t.Helper()
	var list struct{ Items []document }
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var all []string
	for _, d := range list.Items {
		all = append(all, d.ID)
	}
	return strings.Join(all, " ")
}

// A list holds what the policy reaches and what an engine allows. Each element
// is asked about once, also by WriteList.
func TestFilter(t *testing.T) {
	for _, test := range []struct {
		name         string
		caller       *bulwark.Principal
		shared, team *choir
		ids          string
		sizes        []int // of the batches of shared, then of team
	}{
		{"engine_alone", as("carol", "viewer"), sharing("2", "4"), sharing(), "2 4", []int{4}},
		{"own_and_engine", as("alice", "friend"), sharing("4"), sharing(), "1 4", []int{3}},
		{"none", as("carol", "viewer"), sharing(), sharing(), "", []int{4}},
		{"two_engines", as("carol", "mate"), sharing("2"), sharing("1", "2"), "1 2", []int{4, 3}},
		{"first_allows_all", as("carol", "mate"), sharing("1", "2", "3", "4"), sharing(), "1 2 3 4", []int{4}},
		{"all", as("root", "admin"), sharing(), sharing(), "1 2 3 4", nil},
		{"own_only", as("alice", "user"), sharing("2"), sharing("2"), "1", nil},
		{"tenant", inTenant("acme", "carol", "tenant"), sharing(), sharing(), "1 2", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := get(rec.Wrap(listMux(t, test.shared, test.team, true)), "/documents", test.caller)
			if w.Code != 200 || ids(t, w.Body.Bytes()) != test.ids || len(rec.Take()) != 0 {
				t.Errorf("%d %s, want %q", w.Code, w.Body, test.ids)
			}
			if sizes := append(test.shared.sizes, test.team.sizes...); !slices.Equal(sizes, test.sizes) {
				t.Errorf("batches %v, want %v", sizes, test.sizes)
			}
		})
	}
	mux := listMux(t, sharing("2"), sharing(), true)
	unauthenticated.check(t, mux, request("GET", "/documents", nil))
	forbidden.check(t, mux, request("GET", "/documents", as("carol", "writer")))
	if w := serve(mux, request("HEAD", "/documents", as("carol", "viewer"))); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %s", w.Code, w.Body)
	}
}

// An engine that does not answer every query has answered none. The list is
// 503, and never a part of it.
func TestFilterFailsClosed(t *testing.T) {
	more := func(n int) *choir {
		return batch(func(_ context.Context, queries []authz.Query) ([]authz.Decision, error) {
			return yes(len(queries) + n), nil
		})
	}
	engines := map[string]func() authz.Engine{
		"too_few":  func() authz.Engine { return more(-1) },
		"too_many": func() authz.Engine { return more(1) },
		"nil":      func() authz.Engine { return more(-4) },
		"error": func() authz.Engine {
			return batch(func(context.Context, []authz.Query) ([]authz.Decision, error) { return nil, errEngine })
		},
		"yes_and_an_error": func() authz.Engine {
			return batch(func(_ context.Context, q []authz.Query) ([]authz.Decision, error) { return yes(len(q)), errEngine })
		},
		"panic": func() authz.Engine {
			return batch(func(context.Context, []authz.Query) ([]authz.Decision, error) { panic("secret") })
		},
		"one_by_one_error": func() authz.Engine { return failing() },
		"one_by_one_fails_later": func() authz.Engine {
			return &oracle{answer: func(_ context.Context, q *authz.Query) (authz.Decision, error) {
				if q.ID == "4" {
					return authz.Decision{}, errEngine
				}
				return allow, nil
			}}
		},
	}
	for name, engine := range engines {
		for _, filter := range []bool{true, false} {
			t.Run(fmt.Sprint(name, filter), func(t *testing.T) {
				want := unavailable
				want.header = map[string]string{"Retry-After": "1", "X-Total-Count": ""}
				e := want.check(t, listMux(t, engine(), sharing(), filter), request("GET", "/documents", as("carol", "viewer")))
				if e.Level != slog.LevelError || e.Rule != "list document:read" || strings.Contains(fmt.Sprint(e), "secret") {
					t.Errorf("event %+v", e)
				}
			})
		}
		t.Run(name+"_beside_a_yes", func(t *testing.T) {
			mux := listMux(t, engine(), sharing("1", "2", "3", "4"), true)
			if w := get(mux, "/documents", as("carol", "mate")); w.Code != 200 || ids(t, w.Body.Bytes()) != "1 2 3 4" {
				t.Errorf("another engine allows everything: %d %s", w.Code, w.Body)
			}
			mux = listMux(t, engine(), sharing("1", "2", "3"), true)
			unavailable.check(t, mux, request("GET", "/documents", as("carol", "mate")))
		})
	}
}

// The batches of a list have one deadline together.
func TestFilterDeadline(t *testing.T) {
	waiting := func(answer func(int) []authz.Decision) *choir {
		return batch(func(ctx context.Context, q []authz.Query) ([]authz.Decision, error) {
			<-ctx.Done()
			if answer == nil {
				return nil, ctx.Err()
			}
			return answer(len(q)), nil
		})
	}
	for name, engine := range map[string]func() authz.Engine{
		"hangs": func() authz.Engine { return waiting(nil) }, "late": func() authz.Engine { return waiting(yes) }, "one_by_one": func() authz.Engine { return hanging() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				unavailable.check(t, listMux(t, engine(), engine(), true), request("GET", "/documents", as("carol", "mate")))
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// WriteList asks about elements that nobody has asked about, and refuses the
// whole list if one is outside.
func TestWriteListAsksEngines(t *testing.T) {
	shared := sharing("1", "2", "3", "4")
	if w := get(listMux(t, shared, sharing(), false), "/documents", as("carol", "viewer")); w.Code != 200 || ids(t, w.Body.Bytes()) != "1 2 3 4" || !slices.Equal(shared.sizes, []int{4}) {
		t.Errorf("%d %s, batches %v", w.Code, w.Body, shared.sizes)
	}
	leak := want{status: 500, code: "authz.list_leak", event: bulwark.SysUnavailable, header: map[string]string{"X-Total-Count": ""}}
	e := leak.check(t, listMux(t, sharing("1", "2", "4"), sharing(), false), request("GET", "/documents", as("carol", "viewer")))
	if !strings.Contains(attr(e, "error"), "element 2 of 4") || !strings.Contains(attr(e, "error"), "Resource.Filter") {
		t.Errorf("event %+v", e)
	}
	// A handler that adds an element after Filter is found, and what Filter has
	// asked is not asked again.
	shared = sharing("1")
	res := sharedDocuments(shared, sharing())
	mux := authz.NewMux(mustPolicy(t, sharedPolicy()))
	authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		first, err := res.Filter(r, reach, everything()[:2])
		second, again := res.Filter(r, reach, everything()[:3])
		if err != nil || again != nil || len(first) != 1 || len(second) != 1 {
			t.Errorf("%v %v, %v %v", first, err, second, again)
		}
		authz.WriteList(w, r, reach, append(first, everything()[3]))
	})
	leak.check(t, mux, request("GET", "/documents", as("carol", "viewer")))
	if !slices.Equal(shared.sizes, []int{2, 1, 1}) {
		t.Errorf("batches %v", shared.sizes)
	}
}

// Large lists go in batches of a thousand. An engine that is asked one by one
// has a bound.
func TestFilterBounds(t *testing.T) {
	var many []*document
	for i := range 2500 {
		many = append(many, &document{ID: fmt.Sprint(i % 2400)}) // some twice
	}
	for _, test := range []struct {
		name   string
		engine authz.Engine
		n      int
		sizes  []int
		asked  int
		want   want
	}{
		{"batches", batch(func(_ context.Context, q []authz.Query) ([]authz.Decision, error) { return yes(len(q)), nil }), 2500, []int{1000, 1000, 400}, 2400, want{}},
		{"one_batch", batch(func(_ context.Context, q []authz.Query) ([]authz.Decision, error) { return yes(len(q)), nil }), 1000, []int{1000}, 1000, want{}},
		{"single", allowing(), 100, nil, 100, want{}},
		{"single_too_many", allowing(), 101, nil, 0, want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable}},
	} {
		t.Run(test.name, func(t *testing.T) {
			res := sharedDocuments(test.engine, denying())
			mux := authz.NewMux(mustPolicy(t, sharedPolicy()))
			authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
				found, err := res.Filter(r, reach, many[:test.n])
				if err != nil {
					bulwark.Deny(w, r, err)
					return
				}
				if len(found) != test.n {
					t.Errorf("%d elements", len(found))
				}
				authz.WriteList(w, r, reach, found)
			})
			r := request("GET", "/documents", as("carol", "viewer"))
			if test.want.status != 0 {
				e := test.want.check(t, mux, r)
				if text := attr(e, "error"); !strings.Contains(text, "Engines[shared]") || !strings.Contains(text, "101 elements") || !strings.Contains(text, "DecideAll") {
					t.Errorf("error %q", text)
				}
			} else if w := serve(mux, r); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			switch e := test.engine.(type) {
			case *choir:
				if !slices.Equal(e.sizes, test.sizes) || len(e.take()) != test.asked {
					t.Errorf("batches %v", e.sizes)
				}
			case *oracle:
				if got := e.take(); len(got) != test.asked {
					t.Errorf("asked %d times", len(got))
				}
			}
		})
	}
}

// Filter takes the reach of this request and of this resource, and leaves the
// list of the handler as it is.
func TestFilterTakesItsOwnReach(t *testing.T) {
	shared := sharing("2")
	res := sharedDocuments(shared, sharing())
	other := res
	other.Name = "user"
	mux := authz.NewMux(mustPolicy(t, sharedPolicy()))
	var kept authz.Reach
	authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		if len(reach.Match) != 0 || reach.All {
			t.Errorf("a reach of an engine is in the query: %+v", reach)
		}
		kept = reach
		items := append(everything(), nil)
		found, err := res.Filter(r, reach, items)
		if err != nil || len(found) != 1 || found[0].ID != "2" || items[0].ID != "1" || items[4] != nil {
			t.Errorf("%v %v, of %v", found, err, items)
		}
		if none, err := res.Filter(r, reach, nil); err != nil || none == nil || len(none) != 0 {
			t.Errorf("of nothing: %v %v", none, err)
		}
		for name, wrong := range map[string]func() error{
			"zero":     func() error { _, err := res.Filter(r, authz.Reach{All: true}, items); return err },
			"resource": func() error { _, err := other.Filter(r, reach, items); return err },
			"type":     func() error { _, err := authz.Resource[document]{Name: "document"}.Filter(r, reach, nil); return err },
			"caller": func() error {
				_, err := res.Filter(r.WithContext(bulwark.WithPrincipal(r.Context(), as("mallory", "viewer"))), reach, items)
				return err
			},
		} {
			var fault *bulwark.ConfigError
			if err := wrong(); !errors.As(err, &fault) || !strings.HasSuffix(fault.Field, ".Filter") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if w := get(mux, "/documents", as("carol", "viewer")); w.Code != 200 {
		t.Error(w.Code)
	}
	if _, err := res.Filter(request("GET", "/documents", as("carol", "viewer")), kept, everything()); err == nil {
		t.Error("the reach of an earlier request is taken")
	}
	// A Match makes an engine's reach a part of the query.
	res.Match["shared"] = func(p *bulwark.Principal) string { return p.Subject }
	authz.HandleList(mux, "GET /matched", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		if len(reach.Match) != 1 || reach.Match["shared"] != "carol" {
			t.Errorf("reach %+v", reach)
		}
	})
	if w := get(mux, "/matched", as("carol", "viewer")); w.Code != 200 {
		t.Error(w.Code)
	}
}

// Pages may be filtered at once, with one reach.
func TestFilterConcurrently(t *testing.T) {
	res := sharedDocuments(sharing("1", "2"), sharing())
	mux := authz.NewMux(mustPolicy(t, sharedPolicy()))
	authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if found, err := res.Filter(r, reach, everything()); err != nil || len(found) != 2 {
					t.Errorf("%v %v", found, err)
				}
			})
		}
		wg.Wait()
		authz.WriteList(w, r, reach, everything()[:2])
	})
	if w := get(mux, "/documents", as("carol", "viewer")); w.Code != 200 {
		t.Error(w.Code)
	}
}
