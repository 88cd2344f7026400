package redisstore_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// A fake is a Client that notes the commands and answers as a test says.
type fake struct {
	mu     sync.Mutex
	calls  [][]string
	answer func(ctx context.Context, command []string) (any, error)
	next   redisstore.Client // if answer is nil
}

func (f *fake) Do(ctx context.Context, slot string, commands ...[]string) ([]any, error) {
	f.mu.Lock()
	for _, c := range commands {
		f.calls = append(f.calls, slices.Clone(c))
	}
	answer := f.answer
	f.mu.Unlock()
	if answer == nil {
		return f.next.Do(ctx, slot, commands...)
	}
	replies := make([]any, len(commands))
	for i, c := range commands {
		reply, err := answer(ctx, c)
		if err != nil {
			return nil, err
		}
		replies[i] = reply
	}
	return replies, nil
}

// will sets how the fake answers from now on.
func (f *fake) will(answer func(ctx context.Context, command []string) (any, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// count is how many commands have come, of all or of one name.
func (f *fake) count(name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if name == "" || c[0] == name {
			n++
		}
	}
	return n
}

// fails answers every command with an error of the transport.
func fails(context.Context, []string) (any, error) { return nil, errors.New("connection refused") }

// hangs answers nothing until the context ends.
func hangs(ctx context.Context, _ []string) (any, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// says answers every command with the reply.
func says(reply any) func(context.Context, []string) (any, error) {
	return func(context.Context, []string) (any, error) { return reply, nil }
}

// Answers of the script for one cell of 10 in an hour.
const (
	taken   = "1 0 9 360000000 0 1800000000000000 1"
	refused = "0 1 0 360000000 360000000 1800000000000000 0"
)

func ten(key string) ratelimit.Cell {
	return ratelimit.Cell{Key: []byte(key), Cost: 1,
		Policy: ratelimit.Policy{Name: "limit", Limit: 10, Window: time.Hour, Burst: 10}}
}

// debit debits one cell, and returns it as the store leaves it.
func debit(t testing.TB, l ratelimit.Store, c ratelimit.Cell) (ratelimit.Cell, bool, error) {
	t.Helper()
	cells := []ratelimit.Cell{c}
	ok, err := l.Debit(t.Context(), cells)
	return cells[0], ok, err
}

// passes fails the test unless a debit is answered like this.
func passes(t testing.TB, what string, l ratelimit.Store, c ratelimit.Cell, want bool) ratelimit.Cell {
	t.Helper()
	c, ok, err := debit(t, l, c)
	if err != nil || ok != want {
		t.Fatalf("%s: %t, %v, want %t", what, ok, err, want)
	}
	return c
}
