package authzen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Client asks a decision point. It is an [authz.BatchEngine] for
// [authz.Resource] and [authz.Rule]. It remembers no decision. It is safe for
// concurrent use, and prints without its secret. Make it with [New]; any other
// Client allows nothing. Close it with [Client.Shutdown].
type Client struct {
	url         string // of the base, for the log
	evaluation  string
	evaluations string
	subjectType string
	alter       func(*authz.Query, *Evaluation) error
	maxBatch    int
	endpoint    *endpoint
	slots       chan struct{} // holds one element for each request under way
	waiting     atomic.Int64
	breaker     breaker
	running     running
	recorder    bulwark.Recorder
}

var (
	_ authz.BatchEngine  = (*Client)(nil)
	_ bulwark.Shutdowner = (*Client)(nil)
)

// New returns a Client. The error joins a *[bulwark.ConfigError] for each
// mistake, with a path such as "authzen.URL". The decision point need not be up
// yet.
func New(c Config) (*Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Client{
		url: c.URL, evaluation: c.EvaluationURL, evaluations: c.EvaluationsURL,
		subjectType: c.SubjectType, alter: c.Map, maxBatch: c.MaxBatch,
		endpoint: newEndpoint(c), slots: make(chan struct{}, c.MaxConcurrent),
		breaker: breaker{most: c.Breaker.Failures, first: c.Breaker.Pause, last: c.Breaker.MaxPause}, recorder: c.Recorder,
	}, nil
}

// Format names the decision point, and keeps the secret out of logs for every
// verb.
func (c *Client) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c *Client) shown() string {
	if c == nil {
		return "authzen for nothing"
	}
	return "authzen for " + strconv.Quote(c.url)
}

// LogValue is the text of Format.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// made returns an error for a Client that was made without New.
func (c *Client) made() error {
	if c == nil || c.endpoint == nil {
		return fault.Unmade("authzen", "New")
	}
	return nil
}

const (
	maxWaiters = 1024            // questions that wait for their turn
	maxAll     = 5 * time.Second // of a DecideAll with all its requests
)

// Causes of a question that is not sent.
var (
	errNoQuery = errors.New("there is no query")
	errNoCtx   = errors.New("the context is nil; pass on the context of the request")
	errCrowded = errors.New("too many questions wait for the decision point; authzen.Config.MaxConcurrent bounds the requests under way")
	errClosed  = errors.New("the Client has been shut down")
)

// Decide asks the decision point about q. Only the literal true in the member
// "decision" of a sound answer allows. A Principal without Issuer or Subject is
// denied without a question. With an error nothing is allowed. The error is
// safe to log: it holds neither the question nor the answer, the text of
// Authorize and Map aside.
func (c *Client) Decide(ctx context.Context, q *authz.Query) (authz.Decision, error) {
	if err := c.made(); err != nil {
		return authz.Decision{}, err
	}
	if q == nil {
		return authz.Decision{}, c.named(errNoQuery)
	}
	if ctx == nil {
		return authz.Decision{}, c.named(errNoCtx)
	}
	if !known(q.Principal) {
		return authz.Decision{Reason: "anonymous"}, nil
	}
	d, unable, err := c.decide(ctx, q)
	if unable {
		err = fmt.Errorf("the decision point could not decide, look at its log: %s", d.Reason)
	}
	if err != nil {
		return authz.Decision{}, c.named(err)
	}
	return d, nil
}

func (c *Client) decide(ctx context.Context, q *authz.Query) (d authz.Decision, unable bool, err error) {
	question, err := c.question(q)
	if err != nil {
		return authz.Decision{}, false, err
	}
	err = c.ask(ctx, c.evaluation, question, func(body []byte) error {
		d, unable, err = readOne(body)
		return err
	})
	return d, unable, err
}

// DecideAll asks about all queries in requests of at most [Config.MaxBatch],
// one after the other, within 5 seconds. The decisions are in the order of the
// queries. The protocol has no other way to tell them apart. Without an error
// there is one decision for each query. If one request fails, DecideAll fails.
// A query about which the decision point could not decide is denied, and the
// others are not.
func (c *Client) DecideAll(ctx context.Context, queries []authz.Query) ([]authz.Decision, error) {
	if err := c.made(); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, c.named(errNoCtx)
	}
	ctx, cancel := context.WithTimeout(ctx, maxAll)
	defer cancel()
	decisions := make([]authz.Decision, len(queries))
	var asked []int // of the queries that are sent
	for i := range queries {
		if !known(queries[i].Principal) {
			decisions[i] = authz.Decision{Reason: "anonymous"}
			continue
		}
		asked = append(asked, i)
	}
	for len(asked) > 0 {
		batch := asked[:min(c.maxBatch, len(asked))]
		asked = asked[len(batch):]
		if err := c.decideBatch(ctx, queries, batch, decisions); err != nil {
			return nil, c.named(err)
		}
	}
	return decisions, nil
}

// decideBatch asks about the queries of these numbers in one request.
func (c *Client) decideBatch(ctx context.Context, queries []authz.Query, numbers []int, decisions []authz.Decision) (err error) {
	if len(numbers) == 1 {
		at := numbers[0]
		decisions[at], _, err = c.decide(ctx, &queries[at])
		return err
	}
	// Without options.evaluations_semantic every question is answered (section
	// 7.1.2.1). The semantics that stop early give fewer answers.
	text := []byte(`{"evaluations":[`)
	for i, at := range numbers {
		question, err := c.question(&queries[at])
		if err != nil {
			return err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, question...)
	}
	return c.ask(ctx, c.evaluations, append(text, ']', '}'), func(body []byte) error {
		answers, err := readAll(body, len(numbers))
		for i, answer := range answers {
			decisions[numbers[i]] = answer
		}
		return err
	})
}

// ask sends one request, and lets read read the answer.
func (c *Client) ask(ctx context.Context, url string, question []byte, read func([]byte) error) error {
	if !c.running.enter() {
		return errClosed
	}
	defer c.running.leave()
	if err := c.queue(ctx); err != nil {
		return err
	}
	defer func() { <-c.slots }()
	probe, err := c.breaker.enter(time.Now())
	if err != nil {
		return err
	}
	end := neither // if code that is not ours panics
	var cause error
	defer func() {
		if t := c.breaker.leave(time.Now(), probe, end, cause); t.opened || t.closed {
			c.report(ctx, t)
		}
	}()
	body, failed := c.endpoint.send(ctx, url, question)
	if failed != nil {
		if cause = failed.cause; failed.down {
			end = down
		}
		return cause
	}
	if cause = read(body); cause != nil {
		end = down
		return cause
	}
	end = answered
	return nil
}

// queue waits for a slot.
func (c *Client) queue(ctx context.Context) error {
	if err := c.breaker.closed(time.Now()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return unsent(err)
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	default:
	}
	if c.waiting.Add(1) > maxWaiters {
		c.waiting.Add(-1)
		return errCrowded
	}
	defer c.waiting.Add(-1)
	timer := time.NewTimer(c.endpoint.timeout)
	defer timer.Stop()
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errCrowded
	case <-ctx.Done():
		return unsent(ctx.Err())
	case <-c.running.ended():
		return errClosed
	}
}

func unsent(err error) error {
	return fmt.Errorf("the request ended before the question was sent: %w", err)
}

// named says in an error which decision point was asked.
func (c *Client) named(err error) error { return fmt.Errorf("authzen: ask %s: %w", c.url, err) }

// known reports whether there is a caller. Two principals without issuer or
// subject would be the same caller.
func known(p *bulwark.Principal) bool { return p != nil && p.Subject != "" && p.Issuer != "" }

// Shutdown sends no more questions: a later Decide is an error. It waits for
// the questions under way until ctx ends, and closes idle connections.
func (c *Client) Shutdown(ctx context.Context) error {
	if c.made() != nil {
		return nil
	}
	defer c.endpoint.client.Close()
	return c.running.close(ctx)
}
