package transport

import (
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
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

// lines tells the kinds apart by how they begin. These texts are net/http's,
// and most have been the same for ten years; any other line is still logged.
// HTTP/2 has texts of its own; what a client causes there is not a fault of
// ours.
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

// client finds the address in what follows "… error from ", "… panic serving "
// and the like: right there, because all after it may be a client's words.
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
