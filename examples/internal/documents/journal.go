package documents

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/bulwark-go/bulwark"
)

const (
	// maxKept is how many events the journal keeps, at about 1 KiB each. The
	// oldest event makes room for the newest.
	maxKept = 1024
	// maxReaders bounds the streams that are open at once.
	maxReaders = 16
	// maxBatch bounds the events that are copied while the journal is locked.
	maxBatch = 64
)

// A journal keeps the newest security events in memory, for the page of the
// administrators. It is an observer of the audit layer, so each text in an
// event is safe to show. Record never waits for a reader: a reader that is too
// slow misses events, and is told how many.
type journal struct {
	boot string // tells the events of this process from those of another

	mu      sync.Mutex
	ring    [maxKept]bulwark.Event // event number n is at n % maxKept
	newest  uint64                 // the number of the newest event; the first has 1
	readers map[*reader]struct{}
}

func newJournal() *journal {
	return &journal{boot: strings.ToLower(rand.Text()[:10]), readers: map[*reader]struct{}{}}
}

// Record keeps an event and wakes the readers.
func (j *journal) Record(_ context.Context, e bulwark.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.newest++
	j.ring[j.newest%maxKept] = e
	for r := range j.readers {
		select {
		case r.wake <- struct{}{}:
		default: // the reader has been woken already
		}
	}
}

// open returns a reader that begins after the event with the id. With an id of
// another process, or without an id, it begins with the oldest event. The
// result is nil if too many readers are open.
func (j *journal) open(id string) *reader {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.readers) >= maxReaders {
		return nil
	}
	r := &reader{journal: j, wake: make(chan struct{}, 1)}
	if boot, number, ok := strings.Cut(id, "."); ok && boot == j.boot {
		if n, err := strconv.ParseUint(number, 10, 64); err == nil && n <= j.newest {
			r.at, r.resumed = n, true
		}
	}
	j.readers[r] = struct{}{}
	return r
}

// streams returns how many readers are open.
func (j *journal) streams() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.readers)
}

// A reader reads the journal from a place on. It is for one goroutine.
type reader struct {
	journal *journal
	wake    chan struct{} // receives after an event was recorded
	at      uint64        // the number of the last event that was looked at
	resumed bool          // the reader has seen the events up to at
}

// A kept is an event with its number.
type kept struct {
	number uint64
	event  bulwark.Event
}

// next looks at no more than maxBatch events and returns those that match. It
// also returns how many events were overwritten before the reader saw them, and
// whether there are more events to look at.
func (r *reader) next(match func(*bulwark.Event) bool) (found []kept, missed uint64, more bool) {
	j := r.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if oldest := j.newest - min(j.newest, maxKept); r.at < oldest {
		if r.resumed {
			missed = oldest - r.at
		}
		r.at = oldest
	}
	r.resumed = true
	for range maxBatch {
		if r.at == j.newest {
			return found, missed, false
		}
		r.at++
		if e := &j.ring[r.at%maxKept]; match(e) {
			found = append(found, kept{r.at, *e})
		}
	}
	return found, missed, r.at < j.newest
}

// id is the id of the last event that was looked at.
func (r *reader) id() string { return r.journal.id(r.at) }

func (r *reader) close() {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	delete(r.journal.readers, r)
}

func (j *journal) id(number uint64) string { return fmt.Sprint(j.boot, ".", number) }

// recordJSON returns the event as the log writes it, as one line of JSON.
func recordJSON(e bulwark.Event) []byte {
	level, _ := e.Level.(slog.Level)
	record := slog.NewRecord(e.Time, level, "security event", 0)
	seen := map[string]bool{}
	for _, attr := range e.AppendAttrs(nil) {
		if seen[attr.Key] {
			continue
		}
		seen[attr.Key] = true
		if attr.Value.Kind() == slog.KindString {
			attr.Value = slog.StringValue(withoutQuery(attr.Value.String()))
		}
		record.AddAttrs(attr)
	}
	var line bytes.Buffer
	if err := slog.NewJSONHandler(&line, nil).Handle(context.Background(), record); err != nil || !json.Valid(line.Bytes()) {
		return []byte(`{"msg":"an event that cannot be shown; the log has it"}`)
	}
	return bytes.TrimSpace(line.Bytes())
}

// withoutQuery cuts a text with a URL before the query of the URL. A query may
// hold a credential.
func withoutQuery(text string) string {
	if _, _, ok := strings.Cut(text, "://"); !ok {
		return text
	}
	shown, _, cut := strings.Cut(text, "?")
	if !cut {
		return text
	}
	return shown + "?[redacted]"
}
