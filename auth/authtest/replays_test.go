package authtest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
)

func TestReplaysOfAGoodStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		authtest.TestReplays(t, func(*testing.T) dpop.Replays {
			opened++
			return &dpop.MemoryReplays{}
		})
		if opened < 7 {
			t.Errorf("%d rules were checked", opened)
		}
	})
}

func TestReplaysOfFlawedStores(t *testing.T) {
	for name, test := range map[string]struct {
		replayFlaws
		broken []string // the rules that show it
	}{
		"none":                       {replayFlaws{}, nil},
		"rounds-up":                  {replayFlaws{wholeSeconds: true}, nil},
		"rounds-down":                {replayFlaws{cuts: true}, []string{"expiry"}},
		"ignores-the-time":           {replayFlaws{forgetsNothing: true}, []string{"expiry"}},
		"moves-the-time":             {replayFlaws{moves: true}, []string{"expiry"}},
		"always-first":               {replayFlaws{alwaysFirst: true}, []string{"cancelled", "clients", "concurrent", "expiry", "ids", "many", "once", "past"}},
		"ignores-the-client":         {replayFlaws{joins: func(_, id string) string { return id }}, []string{"clients"}},
		"joins-client-and-id":        {replayFlaws{joins: func(client, id string) string { return client + id }}, []string{"clients"}},
		"joins-with-a-colon":         {replayFlaws{joins: func(client, id string) string { return client + ":" + id }}, []string{"clients"}},
		"folds-case-of-clients":      {replayFlaws{joins: func(client, id string) string { return strings.ToLower(client) + "\x01" + id }}, []string{"clients"}},
		"evicts":                     {replayFlaws{evicts: true}, []string{"many"}},
		"asks-then-writes":           {replayFlaws{races: true}, []string{"concurrent"}},
		"takes-what-has-passed":      {replayFlaws{takesPast: true}, []string{"past"}},
		"cuts-ids":                   {replayFlaws{folds: func(id string) string { return id[:min(len(id), 1024)] }}, []string{"ids"}},
		"cuts-ids-at-nul":            {replayFlaws{folds: func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id }}, []string{"ids"}},
		"folds-case":                 {replayFlaws{folds: strings.ToLower}, []string{"ids"}},
		"trusts-where-nobody-waits":  {replayFlaws{trustsCancelled: true}, []string{"cancelled"}},
		"waits-in-spite-of-contexts": {replayFlaws{waits: 8 * time.Second}, []string{"cancelled"}},
		"is-down":                    {replayFlaws{fails: errors.New("down")}, []string{"cancelled", "clients", "concurrent", "expiry", "ids", "many", "once", "past"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found := authtest.BrokenReplays(t.Context(), func() dpop.Replays { return &flawedReplays{replayFlaws: test.replayFlaws} })
				if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, test.broken) {
					t.Errorf("broken rules %q, want %q: %v", got, test.broken, found)
				}
				time.Sleep(time.Minute) // until no call is under way
			})
		})
	}
}

// replayFlaws are ways in which a store of replays may be wrong, one at a time.
type replayFlaws struct {
	wholeSeconds    bool // rounds up, which is allowed
	cuts            bool
	forgetsNothing  bool
	moves           bool // the time, by each use
	alwaysFirst     bool
	evicts          bool
	races           bool
	takesPast       bool
	folds           func(string) string
	joins           func(client, id string) string // in place of telling both apart
	trustsCancelled bool
	waits           time.Duration // when the context says not to
	fails           error
}

// flawedReplays is a simple store with flaws.
type flawedReplays struct {
	replayFlaws
	mu   sync.Mutex
	held map[string]time.Time
	ages []string // ids, the oldest first
}

func (f *flawedReplays) Use(ctx context.Context, client, id string, until time.Time) (bool, error) {
	if ctx.Err() != nil {
		time.Sleep(f.waits)
	}
	now := time.Now()
	switch {
	case f.fails != nil:
		return false, f.fails
	case f.trustsCancelled && ctx.Err() != nil:
		return true, nil
	case f.folds != nil:
		id = f.folds(id)
	case f.wholeSeconds:
		until = ceil(until)
	case f.cuts:
		until = until.Truncate(time.Second)
	}
	if f.joins == nil {
		id = fmt.Sprintf("%q %q", client, id)
	} else {
		id = f.joins(client, id)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	held, known := f.held[id]
	used := known && (now.Before(held) || f.forgetsNothing) && !f.alwaysFirst
	if used && f.moves {
		f.held[id] = until
	}
	if used || !until.After(now) && !f.takesPast && !f.alwaysFirst {
		return false, nil
	}
	if f.races {
		f.mu.Unlock()
		runtime.Gosched()
		f.mu.Lock()
	}
	if f.held == nil {
		f.held = map[string]time.Time{}
	}
	f.held[id] = until
	f.ages = append(f.ages, id)
	if f.evicts && len(f.ages) > 500 {
		delete(f.held, f.ages[0])
		f.ages = f.ages[1:]
	}
	return true, nil
}
