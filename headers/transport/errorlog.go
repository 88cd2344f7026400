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
			record(bulwark.Event{Name: about[k].event, Reason: about[k].reason, Count: count - linesPerWindow})
		}
	}
}

func classify(text string) kind {
	for _, line := range lines {
		if strings.HasPrefix(text, line.prefix) {
			return line.kind
		}
	}
	return other
}

// log writes a line as a record: what it says of the client, the first line as
// the error, and the stack where there is one.
func (k kind) log(text string) {
	first, stack, _ := strings.Cut(strings.TrimSpace(text), "\n")
	e := bulwark.Event{Name: about[k].event, Reason: about[k].reason, ClientIP: client(first)}
	e.Attrs[0] = slog.String("error", printable(first, maxDetail))
	if stack != "" {
		e.Attrs[1] = slog.String("stack", printable(stack, maxStack))
	}
	record(e)
}

// client finds the address in "… from 192.0.2.1:443: …", "… serving 192.0.2.1:443: …"
// and the like.
func client(line string) netip.Addr {
	for _, before := range [...]string{" error from ", " panic serving ", " preface from client ", " frames from "} {
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
