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
	mistake
	kinds
)

// about has the event and the reason for the lines of each kind. A mistake of
// the program in its answer is not a security event: nothing was refused, and
// nothing failed.
var about = [kinds]struct {
	event  bulwark.EventName
	reason string
	rule   string // the field that decides, if there is one
}{
	other:     {bulwark.SysUnavailable, "transport.server", ""},
	handshake: {bulwark.InputValidationFail, "transport.tls_handshake", "http.Server.TLSConfig"},
	panicked:  {bulwark.SysUnavailable, "transport.panic", ""},
	accept:    {bulwark.SysUnavailable, "transport.accept", ""},
	protocol:  {bulwark.InputValidationFail, "transport.protocol", ""},
	mistake:   {"", "transport.handler", ""},
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
	{"http: superfluous response.WriteHeader call from ", mistake},
	{"http: response.WriteHeader on hijacked connection from ", mistake},
	{"http: response.Write on hijacked connection from ", mistake},
	{"http: invalid Content-Length of ", mistake},
	{"http: WriteHeader called with both Transfer-Encoding ", mistake},
	{"ignoring invalid trailer ", mistake},
	{"http2: panic serving ", panicked},
	{"http2: server connection error from ", protocol},
	{"http2: server closing client connection: ", protocol},
	{"http2: server: error reading preface from client ", protocol},
	{"http2: received GOAWAY ", protocol},
	{"timeout waiting for SETTINGS frames from ", protocol},
	{"timeout waiting for PING response", protocol},
}

// classify returns the kind of a line, and the text after the prefix of the
// kind.
func classify(text string) (k kind, rest string) {
	for _, line := range lines {
		if rest, found := strings.CutPrefix(text, line.prefix); found {
			return line.kind, rest
		}
	}
	return other, ""
}

// event makes an event of a line. The first line is the error. The address of
// the client with its port is remoteAddr, which the record of a panic in
// package audit has as well. The stack is in the event if there is one.
func (k kind) event(text, rest string) bulwark.Event {
	first, stack, _ := strings.Cut(strings.TrimSpace(text), "\n")
	peer := client(rest)
	e := bulwark.Event{Time: time.Now().UTC(), Name: about[k].event, Reason: about[k].reason, Rule: about[k].rule, ClientIP: peer.Addr().Unmap().WithZone("")}
	e.Attrs[0] = slog.String("error", printable(first, maxDetail))
	if peer.IsValid() {
		e.Attrs[1] = slog.String("remoteAddr", peer.String())
	}
	if stack != "" {
		e.Attrs[2] = slog.String("stack", printable(stack, maxStack))
	}
	return e
}

// client finds the address in what follows "… error from ", "… panic serving "
// and the like: right there, because all after it may be a client's words.
func client(rest string) netip.AddrPort {
	address, _, _ := strings.Cut(strings.TrimSpace(rest), ": ")
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return peer
}

// printable escapes what could forge a line or hide in one, and shortens it.
func printable(text string, limit int) string {
	quoted := strconv.QuoteToASCII(text[:min(len(text), limit)])
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
