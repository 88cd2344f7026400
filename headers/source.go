package headers

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
	"golang.org/x/net/publicsuffix"
)

// check reports what is wrong with a source list.
func (c *CSP) check(d directive, path string, faults *fault.List) {
	strict, trusted := false, false
	for i, source := range d.sources {
		if reason := c.sourceFault(d, source); reason != "" {
			faults.AddAt(path, i, source, reason)
			continue
		}
		if slices.Index(d.sources, source) < i {
			faults.AddAt(path, i, source, "is in the list twice; remove one")
		}
		if source == "'none'" && len(d.sources) > 1 {
			faults.AddAt(path, i, source, "stands beside other sources, so that browsers ignore it; write it alone")
		}
		strict = strict || source == "'strict-dynamic'"
		trusted = trusted || source == "'nonce'" || strings.HasPrefix(source, "'sha")
	}
	if strict && !trusted {
		faults.Add(path, "'strict-dynamic'", "allows no script at all without 'nonce' or a hash in the same list; add 'nonce'")
	}
}

// sourceFault says what is wrong with one source of a directive.
func (c *CSP) sourceFault(d directive, source string) string {
	switch {
	case strings.HasSuffix(source, ";"):
		return "ends with a semicolon, which the layer writes between directives; leave the semicolon out"
	case strings.HasSuffix(source, ","):
		return "ends with a comma; leave the comma out"
	}
	for _, char := range []byte(source) {
		switch {
		case char == ';' || char == ',':
			return "has a semicolon or comma, which ends the directive or the policy; write it as %3B or %2C"
		case char <= ' ' || char >= 0x7f:
			return "has white space, a control character or a character that is not ASCII; write each source as a string of its own"
		}
	}
	if strings.HasPrefix(source, "'") {
		return c.keywordFault(d, source)
	}
	if reason := bareKeywordFault(source); reason != "" {
		return reason
	}
	if !c.InsecureAnyScript && anybody(source) {
		switch {
		case d.script:
			return "lets attackers provide scripts; name hosts or use 'nonce', or set InsecureAnyScript"
		case d.name == "base-uri":
			return "lets an injected base element send the page's scripts elsewhere; write 'none' or name hosts, or set InsecureAnyScript"
		case d.name == "object-src":
			return "lets attackers embed what they provide; write 'none' or name hosts, or set InsecureAnyScript"
		}
	}
	if source == "*" || isScheme(source) {
		return ""
	}
	return hostSourceFault(source)
}

// keywordFault checks what stands in single quotes (CSP, 2.3.1).
func (c *CSP) keywordFault(d directive, source string) string {
	code := !d.plain
	only := func(ok bool, where string) string {
		if ok {
			return ""
		}
		return "has no meaning here; use it in " + where
	}
	switch source {
	case "'self'", "'none'":
		return ""
	case "'nonce'":
		return only(code && !strings.HasSuffix(d.name, "-attr"), "the lists for scripts and styles")
	case "'report-sample'":
		return only(code, "the lists for scripts and styles")
	case "'strict-dynamic'", "'wasm-unsafe-eval'", "'inline-speculation-rules'":
		return only(d.script, "the lists for scripts")
	case "'unsafe-eval'":
		if !c.InsecureEval && d.script {
			return "lets injected text run as script; leave it out, or set InsecureEval if you need it"
		}
		return only(d.script, "the lists for scripts")
	case "'unsafe-inline'", "'unsafe-hashes'":
		if d.script && !c.InsecureInlineScript {
			return "lets injected markup run script; use 'nonce', or set InsecureInlineScript if you need it"
		}
		if d.style && !c.InsecureInlineStyle {
			return "lets injected markup restyle the page; use 'nonce', or set InsecureInlineStyle if you need it"
		}
		return only(code, "the lists for scripts and styles")
	}
	if strings.HasPrefix(source, "'nonce-") {
		return "is a nonce that everybody can know; write 'nonce' for a nonce that is new in each response"
	}
	if reason, is := hashFault(source); is {
		if reason == "" {
			reason = only(code, "the lists for scripts and styles")
		}
		return reason
	}
	return "is not a keyword of CSP; write for example 'self', in lower case and single quotes"
}

// hashFault checks a hash source; the second result says whether it is one at
// all.
func hashFault(source string) (reason string, is bool) {
	for prefix, size := range map[string]int{"'sha256-": 32, "'sha384-": 48, "'sha512-": 64} {
		text, ok := strings.CutPrefix(source, prefix)
		if !ok {
			continue
		}
		// Both alphabets are allowed (CSP, 2.3.1, base64-value).
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSuffix(text, "'"))
		sum, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(sum) != size || !strings.HasSuffix(source, "'") {
			return "is not a hash of the right length in base64 and single quotes; copy it from the console of a browser", true
		}
		return "", true
	}
	return "", false
}

// bareKeywordFault finds keywords whose quotes were forgotten: a browser takes
// them for the names of hosts.
func bareKeywordFault(source string) string {
	lower := strings.ToLower(strings.Trim(source, `"'`))
	switch lower {
	case "self", "none", "nonce", "unsafe-inline", "unsafe-eval", "unsafe-hashes", "strict-dynamic", "report-sample",
		"wasm-unsafe-eval", "inline-speculation-rules":
		return "is a keyword, which needs single quotes: '" + lower + "'"
	}
	for _, prefix := range []string{"nonce-", "sha256-", "sha384-", "sha512-"} {
		if strings.HasPrefix(lower, prefix) {
			return "needs single quotes around it, such as '" + prefix + "…'"
		}
	}
	return ""
}

// anybody reports whether a source allows content that any person can provide:
// from every site, from names that anybody can register, or from the markup of
// the page itself.
func anybody(source string) bool {
	if isScheme(source) {
		return true
	}
	if _, after, ok := strings.Cut(source, "://"); ok {
		source = after
	}
	host, _, _ := strings.Cut(source, "/")
	host, _, _ = strings.Cut(host, ":")
	domain, wildcard := strings.CutPrefix(strings.ToLower(host), "*.")
	return host == "*" || wildcard && (public(domain) || public("a."+domain))
}

// public reports whether anybody can register names under a domain.
func public(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

// isScheme reports whether source is a scheme-source: a scheme and its colon. A
// scheme with a dot would be valid, but is more likely a host whose port is
// missing.
func isScheme(source string) bool {
	name, ok := strings.CutSuffix(source, ":")
	return ok && isSchemeName(name) && !strings.Contains(name, ".")
}

func isSchemeName(name string) bool {
	for i, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return name != ""
}

// hostSourceFault checks a host-source: [scheme://]host[:port][/path].
func hostSourceFault(source string) string {
	rest := source
	if scheme, after, ok := strings.Cut(source, "://"); ok {
		if !isSchemeName(scheme) {
			return "has no valid scheme before ://; write for example https://cdn.example.com"
		}
		rest = after
	}
	path := ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, path = rest[:i], rest[i:]
	}
	if reason := sourcePathFault(path); reason != "" {
		return reason
	}
	host, port, hasPort := strings.Cut(rest, ":")
	if hasPort && port != "*" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return "has no valid port after the colon; write 1 to 65535, or *"
		}
	}
	if host == "*" {
		return ""
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(host, "*."), ".") {
		if label == "" {
			return "is not a source; write a keyword in single quotes, a scheme with its colon, or a host"
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			case c == '*':
				return "has a * that is not the whole first label; write for example *.example.com"
			default:
				return "has a character that a host cannot have; write for example cdn.example.com"
			}
		}
	}
	return ""
}

// sourcePathFault checks a path-part: browsers compare it without query.
func sourcePathFault(path string) string {
	if strings.ContainsAny(path, `?#'"<>\^{|}`+"`") {
		return "has a query, a fragment, or a character that a path cannot have; write the path alone"
	}
	if _, err := url.PathUnescape(path); err != nil {
		return "has a percent sign that does not begin an escape; write it as %25"
	}
	return ""
}
