package audit

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
)

// tally counts the events of one key within one window.
type tally struct {
	until time.Time
	seen  int // written one by one
	count int // not written yet
	first time.Time
	last  time.Time
	// shared is an event with the fields that all those in count have in
	// common.
	shared *bulwark.Event
}

// add folds e into the tally.
func (t *tally) add(e *bulwark.Event) {
	t.count += max(e.Count, 1)
	t.last = e.Time
	if t.shared == nil {
		shared := *e
		// The path is a part of the request line, which may be large, and would
		// keep it in memory for a minute.
		shared.Path = strings.Clone(e.Path)
		shared.RequestID, shared.TraceID, shared.SpanID = "", "", ""
		shared.Attrs = [4]slog.Attr{}
		t.shared, t.first = &shared, e.Time
		return
	}
	s := t.shared
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
	if s.Status != e.Status {
		s.Status = 0
	}
	if s.ClientIP != e.ClientIP {
		s.ClientIP = netip.Addr{}
	}
}

// record returns the counted record of a tally.
func (t *tally) record(key foldKey) bulwark.Event {
	e := *t.shared
	e.Name, e.Time, e.Count = key.name, t.last, t.count
	if !e.ClientIP.IsValid() {
		e.ClientIP = key.prefix.Addr()
	}
	e.Attrs[0] = slog.String("first", stamp(t.first))
	e.Attrs[1] = slog.String("last", stamp(t.last))
	if key.prefix.Addr().Is6() {
		e.Attrs[2] = slog.String("prefix", key.prefix.String())
	}
	if e.Count == 1 {
		e.Attrs[3] = slog.Int("count", 1) // which an event of its own leaves out
	}
	return e
}
