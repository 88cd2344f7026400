package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/internal/engine"
)

// A drill ends servers on purpose while a client keeps asking, and says what
// the client saw.
type drill struct {
	url     string
	fleet   *fleet
	proxy   *proxy
	engines *engines
	log     *watcher
	seeds   documents.Seeds
	out     io.Writer
}

const (
	// away is how long the Redis of the limits does not run.
	away = 2 * time.Second
	// recovery is how long the limits may still be counted by each process
	// alone, after Redis answers again: redisstore asks it at least every 1.5
	// seconds, and a busy machine takes its time.
	recovery = 5 * time.Second
	// burst is how many requests of the limited key pass at once, and perSecond
	// how many more pass with time (chain.go: "100/minute").
	burst     = 100
	perSecond = 100.0 / 60
)

// run goes through the stages. The error says that the client saw what it must
// not see.
func (d drill) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	asking, stop := context.WithCancel(ctx)
	defer stop()
	w := &witnesses{}
	stages := []*stage{w.begin("nothing")}
	kept, err := d.witnesses(asking, w)
	if err != nil {
		return fmt.Errorf("before the drill: %w", err)
	}
	pass(ctx, 2*time.Second)

	victim := d.fleet.members[len(d.fleet.members)-1]
	stages = append(stages, w.begin(fmt.Sprintf("process %d was killed (kill -9)", victim.settings.Process)))
	if err := d.killProcess(ctx, victim); err != nil {
		return err
	}
	pass(ctx, 2*time.Second)

	if server, what := d.engines.keeper(); server != nil {
		stages = append(stages, w.begin(what+" was killed and started again"))
		if err := restart(ctx, server, 0); err != nil {
			return err
		}
		pass(ctx, 3*time.Second)
	}

	outage := w.begin(fmt.Sprintf("the Redis of the limits was away for %v", away))
	stages = append(stages, outage)
	degraded, err := d.stopLimits(ctx)
	if err != nil {
		return err
	}
	pass(ctx, 2*time.Second)
	stop()
	w.asking.Wait()
	return d.report(ctx, stages, outage, degraded, kept)
}

// witnesses makes what the witnesses need, and lets them ask.
func (d drill) witnesses(ctx context.Context, w *witnesses) (*keptLogin, error) {
	c := newClient(d.url)
	alice, err := c.login(ctx, "alice", d.seeds.Password)
	if err != nil {
		return nil, err
	}
	const title = "The drill"
	made, err := c.do(ctx, "POST", "/documents", map[string]string{"title": title, "content": "<p>still here</p>"}, alice.cookie())
	if err != nil || made.status != 201 {
		return nil, errors.Join(err, made.unexpected())
	}
	path := made.header.Get("Location")

	gone, err := c.login(ctx, "mallory", d.seeds.Password)
	if err == nil {
		err = c.logout(ctx, gone)
	}
	if err != nil {
		return nil, err
	}
	revoked, err := d.revokedKey(ctx, c)
	if err != nil {
		return nil, err
	}
	kept := &keptLogin{login: alice}
	w.run(ctx, reader(c, path, title, 300*time.Millisecond, kept.credential))
	w.run(ctx, kept.refresher(c))
	w.run(ctx, outsider(c, "a login that has ended", gone.cookie()))
	w.run(ctx, outsider(c, "a key that was revoked", apiKey(revoked)))
	w.run(ctx, w.glutton(c, d.seeds.Keys["default"]))
	return kept, nil
}

// revokedKey makes a key and revokes it.
func (d drill) revokedKey(ctx context.Context, c *client) (string, error) {
	root, err := c.login(ctx, "root", d.seeds.Password)
	if err != nil {
		return "", err
	}
	made, err := c.do(ctx, "POST", "/admin/keys", map[string]string{"name": "drill", "tier": "enterprise"}, root.cookie())
	if err != nil || made.status != 201 {
		return "", errors.Join(err, made.unexpected())
	}
	key, _ := made.body["key"].(string)
	gone, err := c.do(ctx, "DELETE", fmt.Sprint("/admin/keys/", made.body["id"]), nil, root.cookie())
	if err != nil || gone.status != 204 {
		return "", errors.Join(err, gone.unexpected())
	}
	return key, nil
}

// killProcess kills a process and waits until another has its place.
func (d drill) killProcess(ctx context.Context, m *member) error {
	before := m.started()
	if err := m.kill(); err != nil {
		return err
	}
	if err := until(ctx, func() bool { return m.started() > before }); err != nil {
		return err
	}
	return d.proxy.ready(ctx)
}

// stopLimits takes the Redis of the limits away, and returns how long any of
// the processes has counted by itself.
func (d drill) stopLimits(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	if err := restart(ctx, d.engines.limits, away); err != nil {
		return 0, err
	}
	for _, m := range d.fleet.members {
		if err := d.log.recovered(ctx, m.settings.Process, began); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// restart kills a server, and starts it again after a while.
func restart(ctx context.Context, s *engine.Server, after time.Duration) error {
	if err := s.Kill(); err != nil {
		return err
	}
	pass(ctx, after)
	return s.Restart(ctx)
}

// report prints what the client saw, and returns what it must not have seen.
func (d drill) report(ctx context.Context, stages []*stage, outage *stage, degraded time.Duration, kept *keptLogin) error {
	var faults []error
	fmt.Fprintln(d.out, "\nWhat clients saw. The last number is of one key with a limit of 100 requests a minute, which asks on.")
	table := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "right\t503, 502\tno answer\twrong\tlongest wait\tlet pass\t  what happened")
	left := 0 // of the quota, by the stages before
	for i, s := range stages {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%v\t%d\t  %s\n", s.answers[right], s.answers[refused], s.answers[missing], s.answers[wrong], s.pause.Round(time.Millisecond), s.allowed, s.what)
		lasted := time.Since(s.began)
		if i+1 < len(stages) {
			lasted = stages[i+1].began.Sub(s.began)
		}
		if s.answers[wrong] > 0 {
			faults = append(faults, fmt.Errorf("%s: %d wrong answers: %q", s.what, s.answers[wrong], s.reports))
		}
		most := left + allowance(i == 0, s == outage, lasted)
		left = min(max(0, most-s.allowed), burst)
		if s.allowed > most {
			faults = append(faults, fmt.Errorf("%s: the limit let %d requests pass, and must let pass at most %d", s.what, s.allowed, most))
		}
	}
	table.Flush()
	fmt.Fprintf(d.out, "each process counted by itself for %v; declared: at most %v\n", degraded.Round(time.Millisecond), away+recovery)
	if degraded > away+recovery {
		faults = append(faults, errors.New("the limits were degraded for too long"))
	}
	for _, m := range d.fleet.members { // the login is good at each process
		got, err := newClient(m.url()).do(ctx, "GET", "/documents", nil, kept.credential())
		if err != nil || got.status != 200 {
			faults = append(faults, fmt.Errorf("process %d: the login is lost: %w", m.settings.Process, errors.Join(err, got.unexpected())))
		}
	}
	if len(faults) == 0 {
		fmt.Fprintln(d.out, "no wrong answer, no lost login")
	}
	return errors.Join(faults...)
}

// allowance is how many requests of the limited key may pass in a stage, beside
// those that the stages before have left. The first stage has the whole quota,
// which a slow machine does not use up. When a later stage begins, a request of
// the stage before may be on its way, whose answer counts here. In the outage
// each process has its part of a quota of its own. The Redis that comes back
// has forgotten its counts, so there is one quota more.
func allowance(first, outage bool, lasted time.Duration) int {
	most := 1 + int(lasted.Seconds()*perSecond)
	if first {
		most += burst
	} else {
		most++
	}
	if outage {
		most += 2 * burst
	}
	return most
}

// keeper is the server that keeps the sessions and keys, and what it is. It is
// nil if they are in a file.
func (e *engines) keeper() (*engine.Server, string) {
	switch {
	case e.postgres != nil:
		return e.postgres, "PostgreSQL"
	case e.state != nil:
		return e.state, "the Redis of the sessions and keys"
	}
	return nil, ""
}

// pass waits.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// until waits until holds.
func until(ctx context.Context, holds func() bool) error {
	for !holds() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pass(ctx, 20*time.Millisecond)
	}
	return nil
}
