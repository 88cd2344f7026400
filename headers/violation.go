package headers

import (
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// A violation is the part of a report that is kept: short texts that share no
// memory with the report.
type violation struct {
	directive, document, blocked string
	enforced                     bool
	source                       string // file and line
}

// violationKind is the part by which two violations are the same.
type violationKind struct {
	directive, document, blocked string
	enforced                     bool
}

func (v violation) kind() violationKind {
	return violationKind{v.directive, v.document, v.blocked, v.enforced}
}

// of reports whether the document is at base, the URL of the service. No
// document is at an empty base.
func (v violation) of(base string) bool {
	path, ok := strings.CutPrefix(v.document, base)
	return base != "" && ok && (path == "" || path[0] == '/')
}

// event returns the record of count violations.
func (v violation) event(count int) bulwark.Event {
	e := bulwark.Event{Name: bulwark.MaliciousCSPViolation, Reason: "headers.csp_violation", Rule: v.directive, Count: count}
	disposition := "report"
	if v.enforced {
		disposition = "enforce"
	}
	e.Attrs = [4]slog.Attr{slog.String("document", v.document), slog.String("blocked", v.blocked), slog.String("disposition", disposition)}
	if v.source != "" {
		e.Attrs[3] = slog.String("source", v.source)
	}
	return e
}

// violationOf reads a report by the names of its members, which differ between
// the two formats.
func violationOf(report map[string]any, directive, document, blocked, file, line string) violation {
	text := func(name string) string {
		s, _ := report[name].(string)
		return s
	}
	v := violation{
		directive: knownDirective(text(directive)),
		document:  bareURL(text(document)),
		blocked:   bareURL(text(blocked)),
		enforced:  text("disposition") != "report",
	}
	if v.directive == "" { // CSP Level 2 has the directive with its sources
		name, _, _ := strings.Cut(text("violated-directive"), " ")
		v.directive = knownDirective(name)
	}
	if v.directive == "" {
		v.directive = "other"
	}
	if v.source = bareURL(text(file)); v.source != "" {
		if n, ok := report[line].(json.Number); ok && len(n) < 10 {
			v.source += ":" + strings.Clone(n.String())
		}
	}
	return v
}

// knownDirective returns the directive from our own list, so that reports
// cannot make up names, or nothing.
func knownDirective(name string) string {
	for _, d := range new(CSP).directives() {
		if d.name == name {
			return d.name
		}
	}
	for _, known := range [...]string{"sandbox", "require-trusted-types-for", "trusted-types"} {
		if known == name {
			return known
		}
	}
	return ""
}

// maxURL bounds the URLs that are kept, in bytes.
const maxURL = 200

// bareURL returns a URL of a report without user, query and fragment. The
// blocked URL may also be a word, such as inline or eval. Of a URL that holds
// its content, such as data:, only the scheme is kept.
func bareURL(text string) string {
	switch text {
	case "", "inline", "eval", "wasm-eval", "self", "trusted-types-policy", "trusted-types-sink", "data", "blob":
		return strings.Clone(text)
	}
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	u, err := url.Parse(text)
	if err != nil || !isSchemeName(u.Scheme) {
		return "other"
	}
	switch u.Scheme {
	case "http", "https", "ws", "wss":
		bare := u.Scheme + "://" + u.Host + u.EscapedPath()
		return strings.Clone(bare[:min(len(bare), maxURL)])
	}
	return strings.Clone(u.Scheme[:min(len(u.Scheme), 32)])
}
