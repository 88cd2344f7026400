package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A verdict is about one answer.
type verdict int

const (
	right   verdict = iota
	refused         // 503 or 502 with Retry-After
	missing         // no answer, or half of one
	wrong
)

// A stage is a part of the drill, and what the client saw in it.
type stage struct {
	what    string
	answers [wrong + 1]int
	pause   time.Duration // the longest time without a right answer
	allowed int           // requests of the limited key that passed
	began   time.Time
	reports []string // of wrong answers
}

// A witness asks the same thing again and again.
type witness struct {
	name string
	pace time.Duration
	ask  func(context.Context) (verdict, error)
}

// witnesses note their answers in the stage of now.
type witnesses struct {
	mu     sync.Mutex
	now    *stage
	asking sync.WaitGroup
}

// begin starts a stage.
func (w *witnesses) begin(what string) *stage {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = &stage{what: what, began: time.Now()}
	return w.now
}

// run lets a witness ask until ctx ends.
func (w *witnesses) run(ctx context.Context, one witness) {
	w.asking.Add(1)
	go func() {
		defer w.asking.Done()
		last := time.Now()
		for ctx.Err() == nil {
			said, err := one.ask(ctx)
			if ctx.Err() != nil {
				return
			}
			w.note(one, said, err, &last)
			select {
			case <-ctx.Done():
			case <-time.After(one.pace):
			}
		}
	}()
}

// maxReports bounds the lines about wrong answers.
const maxReports = 5

func (w *witnesses) note(one witness, said verdict, err error, last *time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.answers[said]++
	switch said {
	case right:
		w.now.pause = max(w.now.pause, time.Since(*last)-one.pace)
		*last = time.Now()
	case wrong:
		if len(w.now.reports) < maxReports {
			w.now.reports = append(w.now.reports, fmt.Sprintf("%s: %v", one.name, err))
		}
	}
}

func (w *witnesses) allow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.allowed++
}

// judge compares an answer with the status that it must have.
func judge(got reply, err error, want int) (verdict, error) {
	switch {
	case err != nil:
		return missing, err
	case got.status == want:
		return right, nil
	case got.unavailable():
		return refused, nil
	}
	return wrong, got.unexpected()
}

// reader reads a document, which it knows.
func reader(c *client, path, title string, pace time.Duration, credential func() [2]string) witness {
	return witness{"a reader", pace, func(ctx context.Context) (verdict, error) {
		got, err := c.do(ctx, "GET", path, nil, credential())
		said, err := judge(got, err, http.StatusOK)
		if said == right && got.body["title"] != title {
			return wrong, fmt.Errorf("the document is another one")
		}
		return said, err
	}}
}

// outsider asks with a credential that has ended.
func outsider(c *client, name string, credential [2]string) witness {
	return witness{name, 500 * time.Millisecond, func(ctx context.Context) (verdict, error) {
		got, err := c.do(ctx, "GET", "/documents", nil, credential)
		return judge(got, err, http.StatusUnauthorized)
	}}
}

// A kept login is refreshed again and again, by one witness, and used by
// another.
type keptLogin struct {
	mu sync.Mutex
	login
}

func (k *keptLogin) credential() [2]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cookie()
}

// refresher renews a login. Without an answer it uses the same refresh token
// again, because the answer may have been lost on its way.
func (k *keptLogin) refresher(c *client) witness {
	return witness{"a refresh", time.Second, func(ctx context.Context) (verdict, error) {
		got, err := c.renew(ctx, k.login) // only this witness writes login
		said, err := judge(got, err, http.StatusOK)
		if said == right {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.login = login{got.cookies[accessCookie], got.cookies[refreshCookie]}
		}
		return said, err
	}}
}

// glutton uses up the limit of a key, and asks on. See drill.excess for how
// many of its requests may pass.
func (w *witnesses) glutton(c *client, key string) witness {
	return witness{"a key above its limit", 400 * time.Millisecond, func(ctx context.Context) (verdict, error) {
		for {
			got, err := c.do(ctx, "GET", "/documents", nil, apiKey(key))
			if err == nil && got.status == http.StatusOK {
				w.allow()
				continue // at once, until it is refused
			}
			return judge(got, err, http.StatusTooManyRequests)
		}
	}}
}
