package ratelimit_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// lying is a store that answers what it is told to, and calls refund.
type lying struct {
	ok       bool
	standing ratelimit.Standing
	taken    int64
	debit    func([]ratelimit.Cell)
	refund   func(context.Context, []ratelimit.Cell)
}

func (l *lying) Debit(_ context.Context, cells []ratelimit.Cell) (bool, error) {
	if l.debit != nil {
		l.debit(cells)
	}
	for i := range cells {
		cells[i].Standing, cells[i].Taken = l.standing, l.taken
	}
	return l.ok, nil
}

func (l *lying) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	if l.refund != nil {
		l.refund(ctx, cells)
	}
	return nil
}

func (*lying) Reset(context.Context, []ratelimit.Cell) error { return nil }

// A store whose word and whose numbers differ does not open the limit, and its
// numbers do not break the header fields.
func TestCaseRl4AStoreThatContradictsItself(t *testing.T) {
	fields := regexp.MustCompile(`^"test";r=[0-5];t=\d{1,8}$`)
	number := regexp.MustCompile(`^\d{1,10}$`)
	for name, standing := range map[string]ratelimit.Standing{
		"nothing":   {},
		"room":      {Remaining: 3},
		"exceeded":  {Exceeded: true},
		"negative":  {Exceeded: true, Remaining: -1, Reset: -time.Hour, Wait: -time.Hour},
		"enormous":  {Remaining: math.MaxInt64, Reset: math.MaxInt64, Wait: math.MaxInt64},
		"very_late": {Exceeded: true, Reset: math.MaxInt64, Wait: math.MaxInt64},
		"lowest":    {Remaining: math.MinInt64, Reset: math.MinInt64, Wait: math.MinInt64},
	} {
		for _, ok := range []bool{true, false} {
			for syntax, names := range map[ratelimit.Headers][2]string{
				ratelimit.Draft: {"RateLimit", ""}, ratelimit.Triple: {"RateLimit-Remaining", "RateLimit-Reset"}, ratelimit.Legacy: {"X-RateLimit-Remaining", "X-RateLimit-Reset"},
			} {
				b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/hour", Headers: syntax, Store: &lying{ok: ok, standing: standing}})
				res := b.from("192.0.2.1")
				if value := res.Header.Get(names[0]); syntax == ratelimit.Draft && !fields.MatchString(value) || syntax != ratelimit.Draft && !number.MatchString(value) {
					t.Errorf("%s: %s is %q", name, names[0], value)
				}
				if value := res.Header.Get(names[1]); names[1] != "" && !number.MatchString(value) {
					t.Errorf("%s: %s is %q", name, names[1], value)
				}
				reservation, result, err := b.limit.Take(t.Context(), "alice")
				var p *bulwark.Problem
				if result.Exceeded == ok || ok != (err == nil) || ok != (reservation != nil) || !ok && (!errors.As(err, &p) || p.Status != 429) {
					t.Errorf("%s: Take where Debit says %t: %v %+v %v", name, ok, reservation, result, err)
				}
				if ok {
					if res.StatusCode != 200 || b.ran != 1 {
						t.Errorf("%s: %d", name, res.StatusCode)
					}
					continue
				}
				if after := res.Header.Get("Retry-After"); !number.MatchString(after) || after == "0" {
					t.Errorf("%s: Retry-After is %q", name, after)
				}
				b.refused(t, res, 0, 429, "ratelimit.exceeded", bulwark.ExcessRateLimitExceeded)
			}
		}
	}
}

// What such a store has taken is given back where another limit refuses.
func TestCaseRl2AStoreThatContradictsItself(t *testing.T) {
	refunds := 0
	store := &lying{ok: true, standing: ratelimit.Standing{Exceeded: true}, taken: 1, refund: func(context.Context, []ratelimit.Cell) { refunds++ }}
	outside := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "outside", Key: ratelimit.ByIP, Rate: "5/hour", Store: store}))
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/hour", Store: &lying{}})
	b.handler = b.rec.Wrap(outside.Wrap(b.limit.Wrap(b.spy)))
	res := b.from("192.0.2.1")
	if refunds != 1 {
		t.Errorf("%d refunds, want 1", refunds)
	}
	b.refused(t, res, 0, 429, "ratelimit.exceeded", bulwark.ExcessRateLimitExceeded)
}

// A refund never exceeds its debit, even of a store that says that it has taken
// more.
func TestARefundNeverExceedsItsDebit(t *testing.T) {
	for name, test := range map[string]struct{ taken, want int64 }{
		"more": {99, 2}, "all": {2, 2}, "less": {1, 1}, "nothing": {0, 0}, "below_nothing": {-5, 0},
	} {
		var got []int64
		store := &lying{ok: true, taken: test.taken, refund: func(_ context.Context, cells []ratelimit.Cell) {
			for _, c := range cells {
				got = append(got, c.Taken)
			}
		}}
		two := func(*http.Request) int { return 2 }
		outside := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "outside", Key: ratelimit.ByIP, Rate: "5/minute; 9/hour,fixed-window", Cost: two, Store: store}))
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/hour", Store: &lying{}})
		b.handler = outside.Wrap(b.limit.Wrap(b.spy))
		b.from("2001:db8::1")
		if len(got) != 4 || slices.ContainsFunc(got, func(n int64) bool { return n != test.want }) {
			t.Errorf("%s: gives back %v, want %d to each of 4", name, got, test.want)
		}
		got = nil
		b = serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/hour", Cost: two, Count: ratelimit.Failures, Store: store})
		b.status = 200
		b.from("192.0.2.1")
		if len(got) != 1 || got[0] != test.want {
			t.Errorf("%s: gives back %v after a success, want %d", name, got, test.want)
		}
	}
}

// A refusal always names a window, even of a store that does not say which
// window has refused.
func TestARefusalNamesAWindow(t *testing.T) {
	for rate, want := range map[ratelimit.Rate]string{"5/hour": "api", "5/hour; 9/day": "api-hour"} {
		b := serve(t, ratelimit.Config{Name: "api", Key: ratelimit.ByIP, Rate: rate, Store: &lying{}})
		if got := body(t, b.from("192.0.2.1")).Violated; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: violated %q, want %q", rate, got, want)
		}
	}
}

// A store that panics is nobody's lock, and a Refund that came to grief is not
// tried again.
func TestAPanickingRefund(t *testing.T) {
	refunds := 0
	store := &lying{ok: true, taken: 1, refund: func(context.Context, []ratelimit.Cell) { refunds++; panic("boom") }}
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/hour", Store: store})
	reservation, _, err := b.limit.Take(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		func() {
			defer func() { _ = recover() }()
			reservation.Refund()
		}()
	}
	reservation.Commit()
	if refunds != 1 {
		t.Errorf("%d refunds, want 1", refunds)
	}
}

// A request that has ended does not wait for its store for ever: the context of
// a refund is not that of a client, who may have gone, and has an end.
func TestABlockingRefund(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lying{ok: true, taken: 1, refund: func(ctx context.Context, _ []ratelimit.Cell) {
			if ctx.Err() != nil {
				t.Error("the refund has no time")
			}
			<-ctx.Done()
		}}
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/hour", Count: ratelimit.Failures, Store: store})
		b.status = http.StatusOK
		if res := b.from("192.0.2.1"); res.StatusCode != 200 {
			t.Errorf("%d", res.StatusCode)
		}
		reservation, _, err := b.limit.Take(t.Context(), strings.Repeat("a", 300))
		if err != nil {
			t.Fatal(err)
		}
		reservation.Refund()
	})
}
