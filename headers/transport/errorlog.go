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
	kinds
)

// lines tells the kinds apart. These texts are net/http's and have been the same
// for ten years; a line that is none of them is still logged.
var lines = [...]struct {
	kind   kind
	prefix string
	event  bulwark.EventName
	reason string
}{
	other:     {other, "", bulwark.SysUnavailable, "transport.server"},
	handshake: {handshake, "http: TLS handshake error from ", bulwark.InputValidationFail, "transport.tls_handshake"},
	panicked:  {panicked, "http: panic serving ", bulwark.SysUnavailable, "transport.panic"},
	accept:    {accept, "http: Accept error", bulwark.SysUnavailable, "transport.accept"},
}

// errorLog is the writer behind an ErrorLog. It counts in windows that begin
// with a line; between them it holds neither a timer nor memory.
type errorLog struct {
	mu     sync.Mutex
	counts [kinds]int
	open   bool
}

func newErrorLog() *log.Logger { return log.New(&errorLog{}, "", 0) }

// Write logs one line of the server.
func (l *errorLog) Write(line []byte) (int, error) {
	text := string(line[:min(len(line), maxDetail+maxStack)])
	is := classify(text)
	if l.take(is) {
		is.log(text)
	}
	return len(line), nil
}

// take counts a line and reports whether it is among the first of its window.
func (l *errorLog) take(k kind) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		l.open = true
		time.AfterFunc(logWindow, l.flush)
	}
	l.counts[k]++
	return l.counts[k] <= linesPerWindow
}

// flush ends a window: what was not written is told as a number.
func (l *errorLog) flush() {
	l.mu.Lock()
	counts := l.counts
	l.counts, l.open = [kinds]int{}, false
	l.mu.Unlock()
	for k, count := range counts {
		if count > linesPerWindow {
			record(bulwark.Event{Name: lines[k].event, Reason: lines[k].reason, Count: count - linesPerWindow})
		}
	}
}

func classify(text string) kind {
	for _, line := range lines[handshake:] {
		if strings.HasPrefix(text, line.prefix) {
			return line.kind
		}
	}
	// HTTP/2 has its own way of saying it: "http2: panic serving 192.0.2.1:443: …"
	if strings.HasPrefix(text, "http2: panic serving ") {
		return panicked
	}
	return other
}

// log writes a line as a record: what it says of the client, the first line as
// the error, and the stack where there is one.
func (k kind) log(text string) {
	first, stack, _ := strings.Cut(strings.TrimSpace(text), "\n")
	e := bulwark.Event{Name: lines[k].event, Reason: lines[k].reason, ClientIP: client(first)}
	e.Attrs[0] = slog.String("error", printable(first, maxDetail))
	if stack != "" {
		e.Attrs[1] = slog.String("stack", printable(stack, maxStack))
	}
	record(e)
}

// client finds the address in "… from 192.0.2.1:443: …" and "… serving 192.0.2.1:443: …".
func client(line string) netip.Addr {
	for _, before := range [...]string{" error from ", " panic serving "} {
		_, rest, found := strings.Cut(line, before)
		if !found {
			continue
		}
		address, _, _ := strings.Cut(rest, ": ")
		if ap, err := netip.ParseAddrPort(address); err == nil {
			return ap.Addr().Unmap().WithZone("")
		}
	}
	return netip.Addr{}
}

// printable escapes what could forge a line or hide in one, and shortens it.
func printable(text string, limit int) string {
	quoted := strconv.QuoteToASCII(text[:min(len(text), limit)])
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// record writes an event that belongs to no request.
func record(e bulwark.Event) {
	e.Time = time.Now().UTC()
	level := slog.LevelWarn
	if e.Name == bulwark.SysUnavailable {
		level = slog.LevelError
	}
	slog.Default().LogAttrs(context.Background(), level, "security event", e.AppendAttrs(nil)...)
}
