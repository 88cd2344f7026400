package transport

import (
	"context"
	"log"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

// What net/http says goes through here at most so often: linesPerWindow of each
// kind, and then their number when the window ends.
const (
	linesPerWindow = 10
	logWindow      = time.Minute
	maxDetail      = 256  // bytes of a line that are kept
	maxStack       = 4096 // bytes of a panic's stack that are kept
)

// maxWaiting bounds the records that wait for a slog.Handler that hangs. Beyond
// it, each kind has room for one more record, which is a count.
const maxWaiting = 100

// errorLog is the writer behind an ErrorLog. It counts in windows that begin
// with a line. A goroutine writes the records, and lives as long as there are
// any. Write cannot do it, because a slog.Handler may block, and Write is
// called with the lock of the log held.
type errorLog struct {
	mu      sync.Mutex
	window  *time.Timer // nil between windows
	counts  [kinds]int  // lines in this window
	untold  [kinds]int  // lines without a record, which a count still has to tell
	waiting []bulwark.Event
	idle    chan struct{} // closed when all is written; nil while there is nothing
}

func newErrorLog() *log.Logger { return log.New(&errorLog{}, "", 0) }

// Write logs one line of the server.
func (l *errorLog) Write(line []byte) (int, error) {
	text := string(line[:min(len(line), maxDetail+maxStack)])
	l.mu.Lock()
	defer l.mu.Unlock()
	k, rest := classify(text)
	l.openWindow()
	l.counts[k]++
	if l.counts[k] > linesPerWindow || len(l.waiting) >= maxWaiting {
		l.untold[k]++
		return len(line), nil
	}
	l.later(k.event(text, rest))
	return len(line), nil
}

// openWindow is called with the lock held.
func (l *errorLog) openWindow() {
	if l.window == nil {
		l.window = time.AfterFunc(logWindow, l.flush)
	}
}

// flush ends a window. One record has the count of the lines that were not
// written. If there is no room for the record, the next window writes it.
func (l *errorLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.window != nil {
		l.window.Stop()
	}
	l.window, l.counts = nil, [kinds]int{}
	for k, count := range l.untold {
		if count == 0 {
			continue
		}
		if len(l.waiting) >= maxWaiting+int(kinds) {
			l.openWindow()
			continue
		}
		l.untold[k] = 0
		l.later(bulwark.Event{Time: time.Now().UTC(), Name: about[k].event, Reason: about[k].reason, Rule: about[k].rule, Count: count})
	}
}

// finish ends the window now and waits until all is written, or for limit.
func (l *errorLog) finish(limit time.Duration) {
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		l.flush()
		l.mu.Lock()
		idle := l.idle
		l.mu.Unlock()
		if idle == nil {
			return
		}
		select {
		case <-idle: // once more, for what there was no room for
		case <-late.C:
			return
		}
	}
}

// later hands a record to the goroutine that writes. It is called with the lock
// held.
func (l *errorLog) later(e bulwark.Event) {
	l.waiting = append(l.waiting, e)
	if l.idle == nil {
		l.idle = make(chan struct{})
		go l.write()
	}
}

func (l *errorLog) write() {
	done := false
	defer func() {
		if !done { // the handler panicked or ended its goroutine; the next record is another one
			_ = recover()
			go l.write()
		}
	}()
	for {
		e, ok := l.next()
		if !ok {
			done = true
			return
		}
		record(e)
	}
}

// next takes the record that waits longest. Without one the writer is to end.
func (l *errorLog) next() (bulwark.Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		close(l.idle)
		l.idle, l.waiting = nil, nil
		return bulwark.Event{}, false
	}
	e := l.waiting[0]
	l.waiting = l.waiting[1:]
	return e, true
}

// record writes an event that belongs to no request, or a mistake of the
// program.
func record(e bulwark.Event) {
	level, message, attrs := slog.LevelWarn, "security event", e.AppendAttrs(nil)
	switch e.Name {
	case "":
		message = "server message"
		attrs = slices.DeleteFunc(attrs, func(attr slog.Attr) bool {
			switch attr.Key {
			case "timestamp", "reason", "error", "count":
				return false
			}
			return true
		})
	case bulwark.SysUnavailable:
		level = slog.LevelError
	}
	slog.Default().LogAttrs(context.Background(), level, message, attrs...)
}
