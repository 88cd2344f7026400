package detect

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A rule is a table with what is said when its threshold is reached. All
// methods accept nil, which is a rule that is switched off.
type rule struct {
	report
	table  *table
	window time.Duration
	text   string // the threshold, for the log
	most   int    // weak estimates in a window
	// byAccount is true if the actor is an account.
	byAccount bool

	// Weak estimates are bounded. The lock is taken only for them.
	rest   atomic.Int64 // that were not reported
	due    atomic.Int64 // when the window ends, since the start of the Detector
	mu     sync.Mutex
	inside int // that were reported in this window
}

func leakText(l LeakConfig) string {
	return fmt.Sprintf("%d, leaking one each %s", l.Threshold, span(l.Leak))
}

func windowText(w WindowConfig) string { return fmt.Sprintf("%d in %s", w.Threshold, span(w.Window)) }

// span writes a length of time without zeros at the end, such as "5m".
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// hit counts an attempt, and reports the anomaly if there is one.
func (r *rule) hit(d *Detector, ctx context.Context, e *bulwark.Event, who *actor, h hit, account string) {
	if r == nil {
		return
	}
	most := 0
	if r.rule == Enumeration {
		most = d.most
	}
	v := r.table.add(who, h, most, r.table.ticks(who.since))
	r.close(d, who.since)
	if v.reached && r.admits(v, who.since) {
		d.tell(ctx, r, e, v, account)
	}
}

// count counts an attempt that is not an anomaly by itself.
func (r *rule) count(who *actor, h hit) {
	if r != nil {
		r.table.count(who, h, r.table.ticks(who.since))
	}
}

// after reports the anomaly of what follows the attempts of an actor.
func (r *rule) after(d *Detector, ctx context.Context, e *bulwark.Event, who *actor, account string) {
	if r == nil {
		return
	}
	v := r.table.take(who, r.table.ticks(who.since))
	r.close(d, who.since)
	if v.reached && r.admits(v, who.since) {
		d.tell(ctx, r, e, v, account)
	}
}

// admits reports whether an anomaly is reported one by one.
func (r *rule) admits(v verdict, since time.Duration) bool {
	if !v.weak {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if int64(since) >= r.due.Load() {
		r.inside = 0
		r.due.Store(int64(since + r.window))
	}
	r.inside++
	if r.inside <= r.most {
		return true
	}
	r.rest.Add(1)
	return false
}

// close reports the number of weak estimates that were not reported, when their
// window is over.
func (r *rule) close(d *Detector, since time.Duration) {
	if r.rest.Load() == 0 || int64(since) < r.due.Load() {
		return
	}
	n := r.rest.Swap(0)
	if n == 0 {
		return // somebody else was faster
	}
	e := bulwark.Event{Name: r.event, Reason: r.reason, Rule: r.text, Count: int(n)}
	e.Attrs[0] = slog.Bool("estimated", true)
	// This is about many others, and not about the request at hand.
	bulwark.ReportContext(context.Background(), d.otherwise(), e)
}

// otherwise returns the audit layer for what has no request, or nil.
func (d *Detector) otherwise() bulwark.Recorder {
	if m := d.watched.Load(); m != nil {
		return m
	}
	return nil
}

// tell reports an anomaly. No lock is held.
func (d *Detector) tell(ctx context.Context, r *rule, from *bulwark.Event, v verdict, account string) {
	e := *from // with its client, route and ids, whose texts are safe already
	e.Name, e.Level, e.Status, e.Count = r.event, nil, 0, 0
	e.Reason, e.Rule = r.reason, r.text
	if v.run > 0 {
		e.Rule = fmt.Sprintf("%d in a row", d.most)
	}
	if from.Name == bulwark.AuthnLoginFail && (account != "" || !r.byAccount) {
		e.Issuer, e.UserID = "", "" // that the client has chosen
	}
	e.Attrs = [4]slog.Attr{slog.Int("seen", int(v.seen)), slog.Int("threshold", r.table.threshold)}
	if v.run > 0 {
		e.Attrs[1] = slog.Int("threshold", d.most)
	}
	if account != "" {
		e.Attrs[2] = slog.String(accountAttr, account)
	}
	if v.estimated {
		e.Attrs[3] = slog.Bool("estimated", true)
	}
	bulwark.ReportContext(ctx, d.otherwise(), e)
	if d.onAnomaly == nil {
		return
	}
	a := Anomaly{
		Rule: r.rule, ClientIP: e.ClientIP, Issuer: e.Issuer, UserID: e.UserID, Account: account, Route: e.Route,
		Seen: int(v.seen), Threshold: int(e.Attrs[1].Value.Int64()), Window: r.window, Estimated: v.estimated,
	}
	d.call(ctx, a)
}

// call keeps a hook that panics from taking the request with it.
func (d *Detector) call(ctx context.Context, a Anomaly) {
	defer func() { _ = recover() }()
	d.onAnomaly(ctx, a)
}
