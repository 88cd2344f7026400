package audit

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// checkShown checks one list of names that the access record shows.
func checkShown(c Config, field string, names []string, faults *fault.List) {
	if len(names) > 0 && !c.AccessLog {
		faults.Add(field, "", "is shown in the access record only; set AccessLog")
	}
	if len(names) > maxShown {
		faults.Add(field, strconv.Itoa(len(names)), "has more than 16 names")
	}
	for i, name := range names {
		if reason := showFault(name); reason != "" {
			faults.AddAt(field, i, name, reason)
		}
	}
}

// showFault says why the value of a query parameter or header of this name must
// not be in a log.
func showFault(name string) string {
	if name == "" || len(name) > 64 {
		return "must be a name of 1 to 64 bytes"
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return "is no name; write printable ASCII"
		}
	}
	lower := strings.ToLower(name)
	switch lower {
	case "code", "state", "key", "sig", "sid", "dpop", "jwt", "pin", "otp":
		return "carries credentials, which are never logged"
	}
	for _, word := range [...]string{"auth", "cookie", "token", "secret", "passw", "passphrase", "pwd", "api-key", "api_key", "apikey",
		"session", "signature", "credential", "assertion", "verifier"} {
		if strings.Contains(lower, word) {
			return "sounds like a credential, which is never logged"
		}
	}
	return ""
}

// shownHeader is a header of the allow-list.
type shownHeader struct{ canonical, key string }

const (
	// redacted stands for what a log must not show.
	redacted = "[redacted]"
	// shownBytes is enough for any text that is cut at 256 bytes afterwards.
	shownBytes = 1024
	// shownParams bounds how many parameters of a query are looked at.
	shownParams = 64
)

// showQuery returns the query with the parameters in allowed as they came,
// still percent-encoded, and one [redacted] for all others. Names are redacted,
// too: some clients send a bare token where a name belongs. So is a pair with a
// semicolon: some servers read several parameters there, and net/url none.
func showQuery(raw string, allowed []string) string {
	var b strings.Builder
	hidden := false
	for range shownParams {
		if raw == "" || b.Len() > shownBytes {
			break
		}
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		escaped, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escaped)
		if err != nil || strings.Contains(pair, ";") || !slices.Contains(allowed, name) {
			hidden = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(value[:min(len(value), shownBytes)])
	}
	if hidden || raw != "" {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(redacted)
	}
	return b.String()
}

// joined returns the lines of a header as one (RFC 9110 section 5.3), bounded.
func joined(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	var b strings.Builder
	for i, line := range lines {
		if b.Len() > shownBytes {
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(line[:min(len(line), shownBytes)])
	}
	return b.String()
}
