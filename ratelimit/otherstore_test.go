package ratelimit_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// foreign is a store that is not a *MemoryStore, and fails where it is told to.
type foreign struct {
	ratelimit.MemoryStore
	down     atomic.Bool
	debits   atomic.Int64
	refunded atomic.Int64
}

func (f *foreign) Debit(ctx context.Context, cells []ratelimit.Cell) (bool, error) {
	f.debits.Add(1)
	if f.down.Load() {
		return false, errors.New("the store of secrets.internal is down")
	}
	return f.MemoryStore.Debit(ctx, cells)
}

func (f *foreign) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.refunded.Add(1)
	return f.MemoryStore.Refund(ctx, cells)
}

// A store that fails is our outage: 503, and never 429 or a pass.
func TestStoreOutage(t *testing.T) {
	store := &foreign{}
	for name, dry := range map[string]bool{"strict": false, "dry_run": true} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Name: name, Key: ratelimit.ByIP, Rate: "1/hour", Store: store, DryRun: dry})
			store.down.Store(true)
			res := b.from("2001:db8::1")
			if dry {
				events := b.rec.Take()
				if res.StatusCode != 200 || len(events) != 1 || events[0].Name != bulwark.SysUnavailable || events[0].Reason != "ratelimit.unavailable" || events[0].Rule != name {
					t.Errorf("%d %+v", res.StatusCode, events)
				}
				if r, _, err := b.limit.Take(t.Context(), "k"); r == nil || err != nil {
					t.Errorf("Take: %v, %v", r, err)
				}
				return
			}
			if got := res.Header.Get("Retry-After"); got != "5" {
				t.Errorf("Retry-After %q", got)
			}
			if got := res.Header.Get("RateLimit"); got != "" {
				t.Errorf("RateLimit %q of what nobody knows", got)
			}
			b.refused(t, res, 0, 503, "ratelimit.unavailable", bulwark.SysUnavailable)
			r, result, err := b.limit.TakeFor(t.Context(), netip.MustParseAddr("192.0.2.1"), "k")
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 503 || r != nil || result != (ratelimit.Result{}) {
				t.Errorf("TakeFor: %v %v %v", r, result, err)
			}
			store.down.Store(false)
			if got := b.passes(2, "2001:db8::1"); got != 1 {
				t.Errorf("%d passed afterwards, want 1", got)
			}
		})
	}
}

// A limit behaves the same over any store, and gives back though the client has
// gone.
func TestAnotherStore(t *testing.T) {
	store := &foreign{}
	b := serve(t, ratelimit.Config{Name: "login", Key: ratelimit.ByIP, Rate: "2/hour", Count: ratelimit.Failures, Store: store})
	b.status = 200
	if got := b.passes(9, "2001:db8::1"); got != 9 || store.refunded.Load() != 9 {
		t.Errorf("%d successes passed, %d refunds", got, store.refunded.Load())
	}
	b.status = 401
	if got := b.passes(9, "2001:db8::1"); got != 2 {
		t.Errorf("%d failures passed, want 2", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first, result, err := b.limit.TakeFor(ctx, netip.MustParseAddr("2001:db8:2::1"), "alice")
	if err != nil || result.Limit != 2 || result.Remaining != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	cancel()
	first.Refund()
	first.Refund()
	for i, want := range []bool{true, true, false} {
		r, _, err := b.limit.TakeFor(t.Context(), netip.MustParseAddr("2001:db8:2::1"), "alice")
		if (err == nil) != want {
			t.Errorf("take %d: %v", i, err)
		}
		r.Commit()
		r.Refund()
	}
	if !strings.HasPrefix(b.from("2001:db8::1").Header.Get("RateLimit"), `"login";r=0;t=`) {
		t.Error("the header fields are missing")
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 401 {
		t.Errorf("another address: %d", w.Code)
	}
}

func TestStoreThatIsANilPointer(t *testing.T) {
	var none *ratelimit.MemoryStore
	m, err := ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/hour", Store: none})
	var config *bulwark.ConfigError
	if m != nil || !errors.As(err, &config) || config.Field != "ratelimit(n).Store" {
		t.Errorf("%v, %v", m, err)
	}
	if ok, err := none.Debit(t.Context(), nil); ok || err == nil {
		t.Errorf("Debit: %v, %v", ok, err)
	}
}
