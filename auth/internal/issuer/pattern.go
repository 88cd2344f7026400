package issuer

import (
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/auth/internal/address"
)

// MostBytes bounds the issuers that a pattern stands for, in bytes.
const MostBytes = 512

// mostLabelBytes bounds a label of a host name (RFC 1035 section 2.3.4).
const mostLabelBytes = 63

// A Pattern stands for many issuers. It is the URL of an issuer with "*" in
// place of labels of the host name, or of segments of the path. Each "*" stands
// for exactly one label or segment. Everything else is compared to the letter,
// from the first byte to the last.
//
// A "*" in the host stands for lower-case letters, digits and "-". A "*" in the
// path stands for letters, digits, "-", ".", "_" and "~", but not for "." and
// "..". So nothing that a "*" stands for can be read as another part of the
// URL: a user, a port, a query, or an encoded slash.
type Pattern struct {
	text string
	// parts are the texts around the stars.
	parts []string
	// labels says for each star whether it stands in the host name.
	labels []bool
}

// NewPattern reads a pattern. The reason says what is wrong with it, and is ""
// otherwise.
func NewPattern(text string) (p Pattern, reason string) {
	if reason := patternFault(text); reason != "" {
		return Pattern{}, reason
	}
	p = Pattern{text: text, parts: strings.Split(text, "*")}
	_, host, _ := cut(text)
	labels := strings.Count(host, "*") // they come first
	for i := range len(p.parts) - 1 {
		p.labels = append(p.labels, i < labels)
	}
	return p, ""
}

// String returns the text of the pattern.
func (p Pattern) String() string { return p.text }

// Match reports whether the pattern stands for the issuer. It does not
// allocate.
func (p Pattern) Match(issuer string) bool {
	if len(p.parts) == 0 || len(issuer) > MostBytes {
		return false
	}
	rest, ok := strings.CutPrefix(issuer, p.parts[0])
	if !ok {
		return false
	}
	for i, label := range p.labels {
		end := len(rest)
		if label {
			end = lengthOf(rest, isLabelByte)
		} else if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			end = slash
		}
		if label && !isLabel(rest[:end]) || !label && !isSegment(rest[:end]) {
			return false
		}
		if rest, ok = strings.CutPrefix(rest[end:], p.parts[i+1]); !ok {
			return false
		}
	}
	return rest == ""
}

// Overlap reports whether there is an issuer that both texts stand for. Each
// text is a pattern, or an issuer to the letter.
func Overlap(a, b string) bool {
	if a == b {
		return true
	}
	if !strings.Contains(a, "*") && !strings.Contains(b, "*") {
		return false
	}
	schemeA, hostA, pathA := cut(a)
	schemeB, hostB, pathB := cut(b)
	return schemeA == schemeB && meet(hostA, hostB, ".", isLabel) && meet(pathA, pathB, "/", isSegment)
}

// meet reports whether each piece of a can be the piece of b at its place.
func meet(a, b, separator string, stars func(string) bool) bool {
	pieces := strings.Split(b, separator)
	return slices.EqualFunc(strings.Split(a, separator), pieces, func(one, other string) bool {
		return one == other || one == "*" && (other == "*" || stars(other)) || other == "*" && stars(one)
	})
}

// cut returns the parts of a URL: the scheme, the host with its port, and the
// path with its slash.
func cut(text string) (scheme, host, path string) {
	scheme, host, _ = strings.Cut(text, "://")
	if slash := strings.IndexByte(host, '/'); slash >= 0 {
		host, path = host[:slash], host[slash:]
	}
	return scheme, host, path
}

// patternFault says what is wrong with a pattern, or returns "".
func patternFault(text string) string {
	if len(text) > MostBytes {
		return "is longer than 512 bytes; write a shorter pattern"
	}
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{}|#?%@", c) >= 0 {
			return "must be a plain URL: printable ASCII without spaces, user, query, fragment, braces and percent signs"
		}
	}
	if reason := address.Fault(strings.ReplaceAll(text, "*", "x"), "an attacker on the way could pass for the issuer"); reason != "" {
		return reason
	}
	scheme, host, path := cut(text)
	if scheme != strings.ToLower(scheme) || host != strings.ToLower(host) {
		return "must have the scheme and the host in lower case, as they stand in the iss"
	}
	labels := strings.Split(host, ".")
	for i, label := range labels {
		switch {
		case label == "*" && i >= len(labels)-2:
			return "must end its host with two labels of your own, as in https://*.example.com: otherwise it stands for hosts of strangers"
		case label != "*" && strings.Contains(label, "*"):
			return "must have each * in place of a whole label of the host, as in https://*.example.com"
		}
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case segment == "." || segment == ".." || segment == "" && i > 0 && i < len(segments)-1:
			return "must not have an empty segment, \".\" or \"..\" in the path"
		case segment != "*" && strings.Contains(segment, "*"):
			return "must have each * in place of a whole segment of the path, as in https://login.example.com/*"
		}
	}
	return ""
}

// isLabel reports whether a star in the host stands for the text.
func isLabel(text string) bool {
	return text != "" && len(text) <= mostLabelBytes && lengthOf(text, isLabelByte) == len(text) && text[0] != '-' && text[len(text)-1] != '-'
}

// isSegment reports whether a star in the path stands for the text.
func isSegment(text string) bool {
	return text != "" && text != "." && text != ".." && lengthOf(text, isSegmentByte) == len(text)
}

func isLabelByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' }

func isSegmentByte(c byte) bool {
	return isLabelByte(c) || c >= 'A' && c <= 'Z' || c == '.' || c == '_' || c == '~'
}

// lengthOf returns how many bytes at the beginning of a text are of a kind.
func lengthOf(text string, kind func(byte) bool) int {
	n := 0
	for n < len(text) && kind(text[n]) {
		n++
	}
	return n
}
