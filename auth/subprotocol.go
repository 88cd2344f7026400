package auth

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

const (
	protocolField = "Sec-Websocket-Protocol" // in canonical form
	tokenMark     = "bearer"                 // the protocol in front of a token
)

// protocols returns the protocols in the lines of a field (RFC 6455 section
// 11.3.4).
func protocols(lines []string) (all []string) {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name != "" {
				all = append(all, name)
			}
		}
	}
	return all
}

// tokenProtocol returns the protocol after "bearer", and how often "bearer" is
// there.
func tokenProtocol(lines []string) (text string, times int) {
	if len(lines) == 0 {
		return "", 0
	}
	all := protocols(lines)
	for i, name := range all {
		if name != tokenMark {
			continue
		}
		times++
		if i+1 < len(all) {
			text = all[i+1]
		}
	}
	return text, times
}

// withoutToken returns r without the token among its protocols, and the
// ResponseWriter that never sends the token. The header of r stays as it is,
// because it belongs to the layers outside.
func withoutToken(w http.ResponseWriter, r *http.Request, text string) (http.ResponseWriter, *http.Request) {
	header := r.Header.Clone()
	left := slices.DeleteFunc(protocols(header[protocolField]), func(name string) bool { return name == text })
	header[protocolField] = []string{strings.Join(left, ", ")}
	_, scope := bulwark.Enter(r)
	w, watch := response.Of(w)
	watch.BeforeHeader(chosen(text))
	return w, scope.WithHeader(r, header)
}

// chosen is the token that a handshake offered as a protocol. It is the hook
// that corrects the protocol of the answer.
type chosen string

// BeforeHeader takes the token out of the answer, and chooses "bearer" if the
// answer switches protocols and chooses nothing.
func (c chosen) BeforeHeader(h http.Header, status int) {
	lines, switched := h[protocolField], status == http.StatusSwitchingProtocols
	if len(lines) == 0 && !switched {
		return
	}
	left := slices.DeleteFunc(protocols(lines), func(name string) bool { return name == string(c) })
	switch {
	case len(left) > 0:
		h[protocolField] = []string{strings.Join(left, ", ")}
	case switched:
		h[protocolField] = []string{tokenMark}
	default:
		delete(h, protocolField)
	}
}

// BeforeUpgrade does the same for an answer that is written to a hijacked
// connection, as [net/http/httputil.ReverseProxy] does.
func (c chosen) BeforeUpgrade(conn io.Writer) io.Writer { return &greeting{Writer: conn} }

// A greeting is a connection to which the answer of a handshake is written
// first.
type greeting struct {
	io.Writer
	begun bool
}

// Write adds "bearer" to a 101 that has no protocol. It does so only if the
// first write holds the whole head, as that of a bufio.Writer usually does.
func (g *greeting) Write(p []byte) (int, error) {
	if g.begun {
		return g.Writer.Write(p)
	}
	g.begun = true
	head, _, whole := bytes.Cut(p, []byte("\r\n\r\n"))
	if !whole || !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || bytes.Contains(bytes.ToLower(head), []byte("\r\nsec-websocket-protocol:")) {
		return g.Writer.Write(p)
	}
	added := []byte("\r\nSec-WebSocket-Protocol: " + tokenMark)
	n, err := g.Writer.Write(slices.Concat(head, added, p[len(head):]))
	if n > len(head) { // what was added is not the caller's
		n = max(len(head), n-len(added))
	}
	return n, err
}
