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

// sharedFault says why a cache that several users share may store an answer
// with this Cache-Control (RFC 9111 section 3). It is empty if such a cache may
// not store it. Without any directive a cache may store a page, because of its
// status.
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
// that no cached page can be changed by the header.
func unstored(h http.Header) bool {
	for directive := range strings.SplitSeq(strings.Join(h["Cache-Control"], ","), ",") {
		if name, _, _ := cutDirective(directive); strings.EqualFold(name, "no-store") {
			return true
		}
	}
	return false
}

// unshare keeps an answer from shared caches. A Cache-Control that lets them
// store the answer is replaced by ours. Fields for one kind of cache have
// priority over Cache-Control (RFC 9213 section 2.2): they are removed unless
// they also forbid storing. The X-Accel-Expires of nginx has priority as well.
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
