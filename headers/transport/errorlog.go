package transport

import (
	"context"
	"log"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
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

// kind is what a line of the server's log is about.
type kind int

const (
	other kind = iota
	handshake
	panicked
	accept
	protocol
	kinds
)

// about says what a line of each kind becomes.
var about = [kinds]struct {
	event  bulwark.EventName
	reason string
}{
	other:     {bulwark.SysUnavailable, "transport.server"},
	handshake: {bulwark.InputValidationFail, "transport.tls_handshake"},
	panicked:  {bulwark.SysUnavailable, "transport.panic"},
	accept:    {bulwark.SysUnavailable, "transport.accept"},
	protocol:  {bulwark.InputValidationFail, "transport.protocol"},
}

// lines tells the kinds apart by how they begin. These texts are net/http's, and
// most have been the same for ten years; a line that is none of them is still
// logged. HTTP/2 has its own; what a client causes there is no fault of ours.
var lines = [...]struct {
	prefix string
	kind   kind
}{
	{"http: TLS handshake error from ", handshake},
	{"http: panic serving ", panicked},
	{"http: Accept error", accept},
	{"http2: panic serving ", panicked},
	{"http2: server connection error from ", protocol},
	{"http2: server closing client connection: ", protocol},
	{"http2: server: error reading preface from client ", protocol},
	{"http2: received GOAWAY ", protocol},
	{"timeout waiting for SETTINGS frames from ", protocol},
	{"timeout waiting for PING response", protocol},
}

// maxWaiting bounds the records that wait behind a slog.Handler that hangs: those
// of two windows. Beyond it, each kind has room for one more that is a count.
const maxWaiting = 2 * linesPerWindow * int(kinds)

// errorLog is the writer behind an ErrorLog. It counts in windows that begin
// with a line. The records are written by a goroutine that lives while there are
// any: a slog.Handler may block, and Write is called with the log's lock held.
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

// flush ends a window: what was not written is told as a number, in the next
// window if there is no room in this one.
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
		l.later(bulwark.Event{Time: time.Now().UTC(), Name: about[k].event, Reason: about[k].reason, Count: count})
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

// later hands a record to the goroutine that writes. It is called with the lock held.
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

// classify returns the kind of a line, and what follows the words that tell it.
func classify(text string) (k kind, rest string) {
	for _, line := range lines {
		if rest, found := strings.CutPrefix(text, line.prefix); found {
			return line.kind, rest
		}
	}
	return other, ""
}

// event makes an event of a line: what it says of the client, the first line as
// the error, and the stack where there is one.
func (k kind) event(text, rest string) bulwark.Event {
	first, stack, _ := strings.Cut(strings.TrimSpace(text), "\n")
	e := bulwark.Event{Time: time.Now().UTC(), Name: about[k].event, Reason: about[k].reason, ClientIP: client(rest)}
	e.Attrs[0] = slog.String("error", printable(first, maxDetail))
	if stack != "" {
		e.Attrs[1] = slog.String("stack", printable(stack, maxStack))
	}
	return e
}

// client finds the address in what follows "… error from ", "… panic serving " and
// the like: right there, because all after it may be a client's words.
func client(rest string) netip.Addr {
	address, _, _ := strings.Cut(strings.TrimSpace(rest), ": ")
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// printable escapes what could forge a line or hide in one, and shortens it.
func printable(text string, limit int) string {
	quoted := strconv.QuoteToASCII(text[:min(len(text), limit)])
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// record writes an event that belongs to no request.
func record(e bulwark.Event) {
	level := slog.LevelWarn
	if e.Name == bulwark.SysUnavailable {
		level = slog.LevelError
	}
	slog.Default().LogAttrs(context.Background(), level, "security event", e.AppendAttrs(nil)...)
}
