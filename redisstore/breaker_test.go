package redisstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/redisstore"
)

// underWay sends n calls of other cells that the fake holds back until answer
// is called, and then waits until all have ended.
func underWay(t *testing.T, l *redisstore.Limits, f *fake, n int) (answer func(reply any, err error)) {
	type outcome struct {
		reply any
		err   error
	}
	held := make(chan outcome)
	f.will(func(ctx context.Context, _ []string) (any, error) {
		select {
		case o := <-held:
			return o.reply, o.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { debit(t, l, ten("under way "+string(rune('a'+i)))) })
	}
	synctest.Wait()
	return func(reply any, err error) {
		for range n {
			held <- outcome{reply, err}
		}
		all.Wait()
	}
}

func opens(t *testing.T, l *redisstore.Limits, f *fake) {
	t.Helper()
	f.will(fails)
	for range 5 {
		debit(t, l, ten("a"))
	}
	asks(t, "an open breaker", f, 0, func() { debit(t, l, ten("a")) })
}

// A call that began before the outage says nothing about the Redis of now.
func TestALateAnswerIsNoRecovery(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
		answer := underWay(t, l, f, 3)
		opens(t, l, f)
		answer(taken, nil)
		is(t, "after answers to calls from before", names(events), outage)
		asks(t, "after answers to calls from before", f, 0, func() { debit(t, l, ten("a")) })
	})
}

// Nor do calls that fail late put the probe off.
func TestLateFailuresDoNotPutTheProbeOff(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		answer := underWay(t, l, f, 10)
		opens(t, l, f)
		time.Sleep(10 * time.Millisecond)
		answer(nil, errors.New("connection reset"))
		time.Sleep(141 * time.Millisecond) // the first pause is at most 150 ms
		asks(t, "after the first pause", f, 1, func() { debit(t, l, ten("a")) })
	})
}

// In a flood one call is the probe, and all others are answered at once.
func TestOneProbeAtATime(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
		opens(t, l, f)
		for range 3 {
			time.Sleep(untilProbe)
			var answer func(any, error)
			asks(t, "the probe", f, 1, func() { answer = underWay(t, l, f, 1) })
			asks(t, "beside the probe", f, 0, func() {
				start := time.Now()
				for range 100 {
					debit(t, l, ten("a"))
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("beside the probe others have waited %v", d)
				}
			})
			answer(nil, errors.New("connection refused"))
		}
		is(t, "events", names(events), outage)
	})
}
