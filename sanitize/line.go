package sanitize

import "strings"

// splitting are the header fields that a split header sets. In a form or query,
// a line of prose may begin with any other word and a colon.
var splitting = [...]string{"set-cookie", "location", "content-", "transfer-encoding", "refresh", "link",
	"x-", "access-control-", "bcc", "host", "connection", "remote-", "cache-control", "user-agent", "authorization"}

// breaksLine reports whether a line break of s begins another header field,
// status line or request line (RFC 9112 sections 3 to 5). A path and a name
// have no line breaks at all.
func breaksLine(s string, at part) bool {
	if at == pathValue || at.isName() {
		return true
	}
	for {
		end := strings.IndexAny(s, "\r\n")
		if end < 0 {
			return false
		}
		s = strings.TrimLeft(s[end:], "\r\n \t")
		if isField(s) || isStartLine(s) {
			return true
		}
	}
}

// isField reports whether s begins with one of these header fields.
func isField(s string) bool {
	n := 0
	for n < len(s) && n < 64 && (isLetter(s[n]) || isDigit(s[n]) || s[n] == '-') {
		n++
	}
	if n == 0 || n == len(s) || s[n] != ':' {
		return false
	}
	for _, name := range splitting {
		if hasFoldPrefix(s, name) && (n == len(name) || name[len(name)-1] == '-') {
			return true
		}
	}
	return false
}

// isStartLine reports whether s begins with "HTTP/1.1 200", or with a method
// and the rest of a request line.
func isStartLine(s string) bool {
	if hasFoldPrefix(s, "http/") && len(s) > 11 && isDigit(s[5]) && isDigit(s[7]) && s[8] == ' ' && isDigit(s[9]) {
		return true
	}
	line := s
	if end := strings.IndexAny(s, "\r\n"); end >= 0 {
		line = s[:end]
	}
	method, rest, _ := strings.Cut(line, " ")
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT":
		i := strings.LastIndex(rest, " HTTP/")
		return i >= 0 && i+6 < len(rest) && isDigit(rest[i+6])
	}
	return false
}
