package audit

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
)

// tally counts the events of one name from one source within one window.
type tally struct {
	until time.Time
	seen  int // written one by one
	count int // not written yet
	first time.Time
	last  time.Time
	// counted is nil while count is 0.
	counted *counted
}

// counted is the content of a counted record: the fields that all of its events
// have in common, and the first few values of each other field.
type counted struct {
	shared    bulwark.Event
	addresses samples[netip.Addr]
	methods   samples[string]
	paths     samples[string]
	reasons   samples[string]
}

// take counts e and reports whether it is past the limit, so that the caller
// must not write it.
func (t *tally) take(e *bulwark.Event, limit int) (folded bool) {
	if t.seen < limit {
		t.seen++
		return false
	}
	safely := safe(*e) // what stands in a list is not escaped any more when it is written
	e = &safely
	n := max(e.Count, 1)
	t.count += n
	t.last = e.Time
	if t.counted == nil {
		t.first, t.counted = e.Time, &counted{shared: *e}
		s := &t.counted.shared
		// The path is a part of the request line, which may be large, and would
		// keep it in memory for a minute.
		s.Path = strings.Clone(e.Path)
		s.RequestID, s.TraceID, s.SpanID = "", "", ""
		s.Attrs = [4]slog.Attr{}
	} else {
		t.counted.share(e)
	}
	t.counted.addresses.add(e.ClientIP, n)
	t.counted.methods.add(e.Method, n)
	t.counted.paths.add(e.Path, n)
	t.counted.reasons.add(e.Reason, n)
	return true
}

// share empties the fields in which e differs.
func (c *counted) share(e *bulwark.Event) {
	s := &c.shared
	s.Level = max(levelOf(s), levelOf(e))
	for _, field := range [...]struct {
		shared *string
		other  string
	}{
		{&s.Method, e.Method}, {&s.Path, e.Path}, {&s.Route, e.Route}, {&s.Reason, e.Reason}, {&s.Rule, e.Rule},
	} {
		if *field.shared != field.other {
			*field.shared = ""
		}
	}
	if s.Issuer != e.Issuer || s.UserID != e.UserID {
		s.Issuer, s.UserID = "", "" // one without the other would be somebody else
	}
	if s.AssumedIssuer != e.AssumedIssuer || s.AssumedID != e.AssumedID {
		s.AssumedIssuer, s.AssumedID = "", ""
	}
	if s.Status != e.Status {
		s.Status = 0
	}
	if s.ClientIP != e.ClientIP {
		s.ClientIP = netip.Addr{}
	}
}

// merge adds what another tally has counted.
func (t *tally) merge(other *tally) {
	t.seen += other.seen
	t.count += other.count
	if other.until.After(t.until) {
		t.until = other.until
	}
	switch o := other.counted; {
	case o == nil:
	case t.counted == nil:
		t.counted, t.first, t.last = o, other.first, other.last
	default:
		if other.first.Before(t.first) {
			t.first = other.first
		}
		if other.last.After(t.last) {
			t.last = other.last
		}
		t.counted.share(&o.shared)
		t.counted.addresses.merge(&o.addresses)
		t.counted.methods.merge(&o.methods)
		t.counted.paths.merge(&o.paths)
		t.counted.reasons.merge(&o.reasons)
	}
}

// record returns the counted record of a tally, and begins to count anew. The
// network is that of the tally, and zero where it has none.
func (t *tally) record(name bulwark.EventName, network netip.Prefix) entry {
	e := entry{event: t.counted.shared, counted: t.counted}
	e.event.Name, e.event.Time, e.event.Count = name, t.last, t.count
	if !e.event.ClientIP.IsValid() {
		e.event.ClientIP = network.Addr()
	}
	e.event.Attrs[0] = slog.String("first", stamp(t.first))
	e.event.Attrs[1] = slog.String("last", stamp(t.last))
	if network.IsValid() && network.Bits() < 32 || network.Addr().Is6() {
		e.event.Attrs[2] = slog.String("prefix", network.String())
	}
	if e.event.Count == 1 {
		e.event.Attrs[3] = slog.Int("count", 1) // which an event of its own leaves out
	}
	t.count, t.counted = 0, nil
	return e
}

// appendAttrs appends the values of the fields in which the events differ.
func (c *counted) appendAttrs(attrs []slog.Attr, query []string) []slog.Attr {
	path := func(text string) string { return safeAgain(shownPath(text, query)) }
	attrs = appendSamples(attrs, "addresses", c.shared.ClientIP, &c.addresses, netip.Addr.String)
	attrs = appendSamples(attrs, "methods", c.shared.Method, &c.methods, safeAgain)
	attrs = appendSamples(attrs, "paths", c.shared.Path, &c.paths, path)
	return appendSamples(attrs, "reasons", c.shared.Reason, &c.reasons, safeAgain)
}
