package authzen_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// An engine of one function.
type engine func(context.Context, *authz.Query) (authz.Decision, error)

func (f engine) Decide(ctx context.Context, q *authz.Query) (authz.Decision, error) { return f(ctx, q) }

// A batch is an engine that also answers several queries.
type batch struct {
	engine
	all func(context.Context, []authz.Query) ([]authz.Decision, error)
}

func (b batch) DecideAll(ctx context.Context, queries []authz.Query) ([]authz.Decision, error) {
	return b.all(ctx, queries)
}

// constant always decides the same.
func constant(allowed bool) engine {
	return func(context.Context, *authz.Query) (authz.Decision, error) {
		return authz.Decision{Allowed: allowed, Reason: fmt.Sprint("constant ", allowed)}, nil
	}
}

func stuck(ctx context.Context, _ *authz.Query) (authz.Decision, error) {
	<-ctx.Done()
	return authz.Decision{}, ctx.Err()
}

// The answer is that of Engine, whatever the Candidate does, and it is there
// before the Candidate answers.
func TestShadowAnswersWithEngine(t *testing.T) {
	release := make(chan struct{})
	deaf := func(context.Context, *authz.Query) (authz.Decision, error) { // to its ctx
		<-release
		return authz.Decision{Allowed: true}, nil
	}
	for _, test := range []struct {
		name      string
		candidate authz.Engine
		want      authzen.Counts
	}{
		{"none", nil, authzen.Counts{}},
		{"nil-pointer", (*authzen.Client)(nil), authzen.Counts{}},
		{"agrees", constant(false), authzen.Counts{Compared: 2}},
		{"differs", constant(true), authzen.Counts{Compared: 2, Different: 2}},
		{"fails", engine(func(context.Context, *authz.Query) (authz.Decision, error) {
			return authz.Decision{Allowed: true}, errors.New("broken")
		}), authzen.Counts{Failed: 2}},
		{"panics", engine(func(context.Context, *authz.Query) (authz.Decision, error) { panic("candidate") }), authzen.Counts{Failed: 2}},
		{"hangs", engine(stuck), authzen.Counts{Failed: 2}},
		{"deaf", engine(deaf), authzen.Counts{Compared: 2, Different: 2}},
		{"changes-the-query", engine(func(_ context.Context, q *authz.Query) (authz.Decision, error) {
			q.Properties["shared"] = true
			q.ID = "9"
			return authz.Decision{}, nil
		}), authzen.Counts{Compared: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release = make(chan struct{})
				shadow := &authzen.Shadow{Engine: constant(false), Candidate: test.candidate, Recorder: new(bulwarktest.Recorder)}
				begin := time.Now()
				for range 2 {
					q := query("1")
					q.Properties = map[string]any{"folder": "a"}
					d, err := shadow.Decide(context.Background(), q)
					if d.Allowed || err != nil || d.Reason != "constant false" {
						t.Errorf("%v, %v", d, err)
					}
					if q.ID != "1" || len(q.Properties) != 1 {
						t.Errorf("the query has become %+v", q)
					}
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("answered after %v", took)
				}
				time.Sleep(time.Minute)
				close(release)
				synctest.Wait()
				if got := shadow.Counts(); got != test.want {
					t.Errorf("%+v, want %+v", got, test.want)
				}
				// A difference that is known does not change the next answer.
				q := query("1")
				q.Properties = map[string]any{}
				if d, err := shadow.Decide(context.Background(), q); d.Allowed || err != nil {
					t.Errorf("the next answer: %v, %v", d, err)
				}
				if err := shadow.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Without an Engine nothing is allowed. If Engine fails, so does the Shadow.
func TestShadowWithoutEngine(t *testing.T) {
	broken := errors.New("broken")
	fails := engine(func(context.Context, *authz.Query) (authz.Decision, error) { return authz.Decision{}, broken })
	for _, test := range []struct {
		name   string
		shadow *authzen.Shadow
		want   string
	}{
		{"nil", nil, "Shadow.Engine is nil"},
		{"zero", &authzen.Shadow{}, "Shadow.Engine is nil"},
		{"nil-pointer", &authzen.Shadow{Engine: (*authzen.Client)(nil), Candidate: constant(true)}, "Shadow.Engine is nil"},
		{"fails", &authzen.Shadow{Engine: fails, Candidate: constant(true)}, "broken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := test.shadow.Decide(context.Background(), query("1"))
			denied(t, d, err, test.want)
			all, err := test.shadow.DecideAll(context.Background(), reads("1", "2"))
			denied(t, authz.Decision{}, err, test.want)
			if all != nil {
				t.Errorf("decisions: %v", all)
			}
			if err := test.shadow.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if test.shadow != nil && test.shadow.Counts() != (authzen.Counts{}) {
				t.Errorf("counted %+v", test.shadow.Counts())
			}
		})
	}
}

// Each difference reaches Report. Each kind is one event a minute.
func TestShadowReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events bulwarktest.Recorder
		var mu sync.Mutex
		var told []string
		candidate := engine(func(_ context.Context, q *authz.Query) (authz.Decision, error) {
			switch q.Action {
			case "update":
				return authz.Decision{}, errors.New("candidate is down")
			case "list":
				return authz.Decision{Allowed: true}, nil
			}
			return authz.Decision{Reason: "no relation"}, nil
		})
		shadow := &authzen.Shadow{Engine: constant(true), Candidate: candidate, Recorder: &events, Report: func(_ context.Context, d authzen.Difference) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprint(d.Query.Action, " ", d.Query.ID, " ", d.Engine.Allowed, " ", d.Candidate.Allowed))
		}}
		ask := func(action, id string) {
			q := query(id)
			q.Action = action
			shadow.Decide(context.Background(), q)
			synctest.Wait()
		}
		for _, id := range []string{"1", "2", "3"} {
			ask("read", id)
			ask("update", id)
			ask("list", id)
		}
		first := events.Take()
		if len(first) != 2 {
			t.Fatalf("events %+v", first)
		}
		for i, want := range []struct{ rule, candidate, key, why string }{
			{"document:read:shared", "deny", "candidateReason", "no relation"},
			{"document:update:shared", "failed", "error", "candidate is down"},
		} {
			e := first[i]
			if e.Name != bulwark.AuthzShadow || e.Reason != "authzen.shadow_differs" || e.Rule != want.rule || e.Count != 1 || e.Status != 0 ||
				attr(e, "engine") != "allow" || attr(e, "engineReason") != "constant true" || attr(e, "candidate") != want.candidate || attr(e, want.key) != want.why {
				t.Errorf("event %+v", e)
			}
		}
		if got := strings.Join(told, ", "); got != "read 1 true false, read 2 true false, read 3 true false" {
			t.Errorf("told %s", got)
		}
		time.Sleep(59 * time.Second)
		ask("read", "4")
		if got := events.Take(); len(got) > 0 {
			t.Errorf("within a minute: %+v", got)
		}
		time.Sleep(time.Second)
		ask("read", "5")
		if got := events.Take(); len(got) != 1 || got[0].Count != 4 {
			t.Errorf("after a minute: %+v", got)
		}
		if got := shadow.Counts(); got != (authzen.Counts{Compared: 8, Different: 5, Failed: 3}) {
			t.Errorf("%+v", got)
		}
	})
}

// The number of kinds is bounded, whatever the names are.
func TestShadowKindsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events bulwarktest.Recorder
		shadow := &authzen.Shadow{Engine: constant(true), Candidate: constant(false), Recorder: &events}
		for i := range 1000 {
			q := query("1")
			q.Action = fmt.Sprint(i)
			shadow.Decide(context.Background(), q)
			synctest.Wait()
		}
		if got := len(events.Take()); got != 257 {
			t.Errorf("%d events", got)
		}
	})
}

// An event of a request goes to its audit layer, with caller and path, also
// after the answer has been sent.
func TestShadowOfARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := engine(func(ctx context.Context, _ *authz.Query) (authz.Decision, error) {
			time.Sleep(500 * time.Millisecond)
			return authz.Decision{}, ctx.Err()
		})
		shadow := &authzen.Shadow{Engine: constant(true), Candidate: slow}
		var events bulwarktest.Recorder
		h := events.Wrap(service(t, shadow))
		ctx, cancel := context.WithCancel(context.Background())
		w, r := newRequest(ctx, "GET", "/documents/1")
		h.ServeHTTP(w, r)
		cancel() // as net/http does
		if w.Code != http.StatusOK || len(events.Events()) > 0 {
			t.Fatalf("%d, %v", w.Code, events.Events())
		}
		time.Sleep(time.Second)
		got := events.Take()
		if len(got) != 1 || got[0].Path != "/documents/1" || got[0].Reason != "authzen.shadow_differs" || attr(got[0], "candidate") != "deny" || got[0].Level.Level().String() != "WARN" {
			t.Errorf("events %+v", got)
		}
	})
}

// At most MaxConcurrent comparisons run. More are dropped and counted.
func TestShadowDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		slow := engine(func(ctx context.Context, _ *authz.Query) (authz.Decision, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			return stuck(ctx, nil)
		})
		shadow := &authzen.Shadow{Engine: constant(true), Candidate: slow, MaxConcurrent: 3, Timeout: 2 * time.Second, Recorder: new(bulwarktest.Recorder)}
		for range 10 {
			shadow.Decide(context.Background(), query("1"))
			synctest.Wait()
		}
		shadow.DecideAll(context.Background(), reads("1", "2"))
		if got := shadow.Counts(); got != (authzen.Counts{Dropped: 9}) || most.Load() != 3 {
			t.Errorf("%+v, %d at once", got, most.Load())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := shadow.Counts(); got != (authzen.Counts{Dropped: 9, Failed: 3}) || running.Load() != 0 {
			t.Errorf("%+v, %d still run", got, running.Load())
		}
		shadow.Decide(context.Background(), query("1"))
		synctest.Wait()
		if running.Load() != 1 {
			t.Error("nothing is compared after the slow ones have ended")
		}
		if err := shadow.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// Fields beyond their bounds count as the bound.
func TestShadowBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for timeout, want := range map[time.Duration]time.Duration{0: time.Second, -1: time.Millisecond, time.Hour: 5 * time.Second} {
			begin, took := time.Now(), time.Duration(0)
			shadow := &authzen.Shadow{Engine: constant(true), Recorder: new(bulwarktest.Recorder), Timeout: timeout, MaxConcurrent: -1}
			shadow.Candidate = engine(func(ctx context.Context, _ *authz.Query) (authz.Decision, error) {
				defer func() { took = time.Since(begin) }()
				return stuck(ctx, nil)
			})
			shadow.Decide(context.Background(), query("1"))
			shadow.Decide(context.Background(), query("1"))
			time.Sleep(time.Minute)
			synctest.Wait()
			if took != want || shadow.Counts().Dropped != 1 {
				t.Errorf("%v: %v, %+v", timeout, took, shadow.Counts())
			}
		}
	})
}

// Shutdown ends the comparisons and lets no other begin. Queries are still
// answered. A Candidate that does not listen holds Shutdown up to its ctx.
func TestShadowShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shadow := &authzen.Shadow{Engine: constant(true), Candidate: engine(stuck), Timeout: 5 * time.Second, Recorder: new(bulwarktest.Recorder)}
		shadow.Decide(context.Background(), query("1"))
		begin := time.Now()
		if err := shadow.Shutdown(context.Background()); err != nil || time.Since(begin) != 0 {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begin))
		}
		d, err := shadow.Decide(context.Background(), query("1"))
		if !d.Allowed || err != nil {
			t.Errorf("after Shutdown: %v, %v", d, err)
		}
		synctest.Wait()
		if got := shadow.Counts(); got != (authzen.Counts{Dropped: 2}) {
			t.Errorf("%+v", got)
		}
		release := make(chan struct{})
		deaf := &authzen.Shadow{Engine: constant(true), Recorder: new(bulwarktest.Recorder), Candidate: engine(func(context.Context, *authz.Query) (authz.Decision, error) {
			<-release
			return authz.Decision{}, nil
		})}
		deaf.Decide(context.Background(), query("1"))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := deaf.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		close(release)
		if err := deaf.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// Batches are compared one by one.
func TestShadowDecideAll(t *testing.T) {
	even := engine(func(_ context.Context, q *authz.Query) (authz.Decision, error) {
		return authz.Decision{Allowed: q.ID[0]%2 == 0}, nil
	})
	all := func(decisions ...bool) batch {
		return batch{constant(false), func(context.Context, []authz.Query) (made []authz.Decision, err error) {
			for _, allowed := range decisions {
				made = append(made, authz.Decision{Allowed: allowed})
			}
			return made, nil
		}}
	}
	for _, test := range []struct {
		name              string
		engine, candidate authz.Engine
		want              string
		counts            authzen.Counts
	}{
		{"alike", all(true, false, true), even, "[true false true]", authzen.Counts{Compared: 3}},
		{"different", even, all(true, true, false), "[true false true]", authzen.Counts{Compared: 3, Different: 2}},
		{"candidate-of-another-number", even, all(true, true), "[true false true]", authzen.Counts{Failed: 3}},
		{"engine-of-another-number", all(true, true), even, "[true true]", authzen.Counts{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shadow := &authzen.Shadow{Engine: test.engine, Candidate: test.candidate, Recorder: new(bulwarktest.Recorder)}
				decisions, err := shadow.DecideAll(context.Background(), reads("0", "1", "2"))
				var got []bool
				for _, d := range decisions {
					got = append(got, d.Allowed)
				}
				if err != nil || fmt.Sprint(got) != test.want {
					t.Errorf("%v, %v", got, err)
				}
				synctest.Wait()
				if got := shadow.Counts(); got != test.counts {
					t.Errorf("%+v, want %+v", got, test.counts)
				}
			})
		})
	}
}

// The Candidate sees the query as it was, while its owner goes on. The race
// detector looks on.
func TestShadowCopiesTheQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen atomic.Value
		release := make(chan struct{})
		shadow := &authzen.Shadow{Engine: constant(true), Recorder: new(bulwarktest.Recorder), Candidate: engine(func(_ context.Context, q *authz.Query) (authz.Decision, error) {
			<-release
			seen.Store(fmt.Sprint(q.Properties, q.Context))
			return authz.Decision{Allowed: true}, nil
		})}
		list, inner := []string{"a", "b"}, map[string]int{"x": 1}
		q := query("1")
		q.Properties = map[string]any{"list": list, "inner": inner, "any": []any{list, nil, map[string]any{"deep": list}}, "none": nil, "array": [1][]string{list}, "n": 7, "at": time.Unix(0, 0).UTC(), "nil": []string(nil)}
		q.Context = map[string]any{"list": list}
		want := fmt.Sprint(q.Properties, q.Context)
		shadow.Decide(context.Background(), q)
		close(release)
		list[0], inner["x"], q.Properties["n"], q.Context["more"] = "z", 2, 8, 9
		synctest.Wait()
		if seen.Load() != want {
			t.Errorf("the candidate saw %v, want %v", seen.Load(), want)
		}
		// A value that contains itself ends.
		self := map[string]any{}
		self["a"], self["b"] = self, []any{self, self}
		q.Properties = self
		shadow.Candidate = constant(true)
		if d, err := shadow.Decide(context.Background(), q); !d.Allowed || err != nil {
			t.Errorf("%v, %v", d, err)
		}
	})
}

// A Report or a recorder that panics ends its comparison, and not the process.
func TestShadowReportPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shadow := &authzen.Shadow{Engine: constant(true), Candidate: constant(false), MaxConcurrent: 1, Recorder: new(bulwarktest.Recorder),
			Report: func(context.Context, authzen.Difference) { panic("report") }}
		for range 3 {
			shadow.Decide(context.Background(), query("1"))
			synctest.Wait()
		}
		if got := shadow.Counts(); got != (authzen.Counts{Compared: 3, Different: 3}) {
			t.Errorf("%+v", got)
		}
	})
}
