package headers

import (
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark/internal/token"
)

// cacheFault checks the syntax of a Cache-Control (RFC 9111 section 5.2).
func cacheFault(value string) string {
	for directive := range strings.SplitSeq(value, ",") {
		name, argument, has := cutDirective(directive)
		if !token.Is(name) || has && !token.Is(argument) {
			return "is not a list of cache directives; write for example \"private, max-age=60\""
		}
	}
	return ""
}

// cutDirective cuts a cache directive into its name and its argument, which may
// be quoted.
func cutDirective(directive string) (name, argument string, has bool) {
	name, argument, has = strings.Cut(strings.Trim(directive, " "), "=")
	if len(argument) >= 2 && argument[0] == '"' && argument[len(argument)-1] == '"' {
		argument = argument[1 : len(argument)-1]
	}
	return name, argument, has
}

// sharedFault says what lets a cache that several users share store an answer
// with this Cache-Control (RFC 9111 section 3), and is empty where nothing
// does. A cache may store a page that says nothing of it: its status is enough.
func sharedFault(value string) string {
	kept := false
	for directive := range strings.SplitSeq(value, ",") {
		name, _, qualified := cutDirective(directive)
		switch strings.ToLower(name) {
		case "public", "s-maxage":
			return "has " + strings.ToLower(name) + ", which lets a shared cache store the page: it would serve one nonce to everybody"
		case "must-understand": // no-store does not count beside it (RFC 9111 section 5.2.2.3)
			return "has must-understand, with which caches ignore no-store: a shared cache would serve one nonce to everybody"
		case "no-store":
			kept = true
		case "private": // with field names it is about these alone (RFC 9111 section 5.2.2.7)
			kept = kept || !qualified
		}
	}
	if kept {
		return ""
	}
	return "lacks private, so that a shared cache may store the page and serve one nonce to everybody"
}

// unstored reports whether no cache may store an answer with that header, so
// that none has a page that its header would change.
func unstored(h http.Header) bool {
	for directive := range strings.SplitSeq(strings.Join(h["Cache-Control"], ","), ",") {
		if name, _, _ := cutDirective(directive); strings.EqualFold(name, "no-store") {
			return true
		}
	}
	return false
}

// unshare keeps an answer from shared caches: ours takes the place of a
// Cache-Control that lets them store it, and the fields for one kind of cache
// that outrank it are removed (RFC 9213 section 2.2), unless they forbid it,
// too. The X-Accel-Expires of nginx outranks it as well.
func unshare(h http.Header, ours string) {
	if sharedFault(strings.Join(h["Cache-Control"], ",")) != "" {
		h["Cache-Control"] = []string{ours}
	}
	for name, values := range h {
		targeted := strings.HasSuffix(name, "-Cache-Control") || name == "Surrogate-Control" || name == "Edge-Control"
		if targeted && sharedFault(strings.Join(values, ",")) != "" {
			delete(h, name)
		}
	}
	if values := h["X-Accel-Expires"]; len(values) != 1 || values[0] != "0" {
		delete(h, "X-Accel-Expires")
	}
}
