package authz

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// pathPattern is a ServeMux pattern taken apart. ServeMux itself has checked
// it.
type pathPattern struct {
	method string
	path   string // with the host, if any
	// segments are the path's, as written. The last is empty for a pattern that
	// ends in a slash.
	segments []string
	wild     []wildcard
	tail     bool // ends in a slash: the rest of the path is a value without a name
}

// A wildcard of a pattern.
type wildcard struct {
	name  string
	multi bool
}

func parsePattern(pattern string) pathPattern {
	var p pathPattern
	p.path = pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		p.method, p.path = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	_, path, _ := strings.Cut(p.path, "/")
	p.segments = strings.Split(path, "/")
	for _, segment := range p.segments {
		if name, ok := wildcardName(segment); ok && name != "$" {
			name, multi := strings.CutSuffix(name, "...")
			p.wild = append(p.wild, wildcard{name, multi})
		}
	}
	p.tail = strings.HasSuffix(path, "/") || path == ""
	return p
}

func wildcardName(segment string) (string, bool) {
	if len(segment) < 3 || segment[0] != '{' || segment[len(segment)-1] != '}' {
		return "", false
	}
	return segment[1 : len(segment)-1], true
}

// fault says what is wrong with a pattern whose method is in order. Such a
// pattern could never be served here, and its path would get the rule of
// another pattern.
func (p *pathPattern) fault() string {
	host, _, _ := strings.Cut(p.path, "/")
	if host != canonicalHost(host) || strings.Contains(host, ":") {
		return "has a host that no request is compared with; write its name in lower case, without port and trailing dot"
	}
	for _, segment := range p.segments {
		if strings.ContainsAny(unescape(segment), `/\`) {
			return "has an encoded slash or a backslash, and every request with one is refused; write the pattern without it"
		}
	}
	return ""
}

// foreign says how the wildcard of another router, such as :id or *path, is
// written here. As it stands it would match no request that is meant.
func (p *pathPattern) foreign() string {
	for _, segment := range p.segments {
		found := otherWildcard.FindStringSubmatch(segment)
		if found == nil || segment == ":" {
			continue
		}
		write := "{" + found[2] + "} for a part of the path"
		if found[1] == "*" {
			write = "{" + cmp.Or(found[2], "rest") + "...} for the rest of the path"
		}
		return "has the segment " + segment + ", which matches only that text; write " + write
	}
	return ""
}

var otherWildcard = regexp.MustCompile(`^(:|\*)([A-Za-z_]\w*)?$`)

// patternFault says what is wrong with a pattern by itself.
func patternFault(parsed *pathPattern, pattern string) string {
	return cmp.Or(methodFault(parsed.method), parsed.fault(), parsed.foreign(), tryHandle(http.NewServeMux(), pattern, http.NotFoundHandler()))
}

// tryHandle gives a route to a ServeMux, whose panic becomes a reason.
func tryHandle(mux *http.ServeMux, pattern string, h http.Handler) (reason string) {
	defer func() {
		if fault := recover(); fault != nil {
			// ServeMux tells where it was called, which is always here.
			reason = registeredAt.ReplaceAllString(fmt.Sprint(fault), "")
		}
	}()
	mux.Handle(pattern, h)
	return ""
}

var registeredAt = regexp.MustCompile(` \(registered at [^)]*\)`)

// depths are how many segments a probe has in place of the rest of a path. The
// first is deeper than any pattern with single wildcards in the same place. The
// others are for a pattern beside one that also has the rest of a path, such as
// "/" beside "/{x}/".
var depths = [...]int{32, 0, 1, 2, 3}

// probe is a request that only this pattern of a ServeMux should match.
func (p *pathPattern) probe(depth int) (*http.Request, error) {
	const sample = "bulwark-probe"
	host, _, _ := strings.Cut(p.path, "/")
	var path strings.Builder
	for _, segment := range p.segments {
		path.WriteByte('/')
		name, wild := wildcardName(segment)
		switch {
		case name == "$":
		case segment == "" || strings.HasSuffix(name, "..."):
			path.WriteString(strings.TrimSuffix(strings.Repeat(sample+"/", depth), "/"))
		case wild:
			path.WriteString(sample)
		default:
			path.WriteString(segment)
		}
	}
	decoded, err := url.PathUnescape(path.String())
	if err != nil {
		return nil, err
	}
	method := cmp.Or(p.method, http.MethodGet)
	return &http.Request{Method: method, Host: host, URL: &url.URL{Path: decoded, RawPath: path.String()}}, nil
}

// match matches an escaped path as it stands, with none of the cleaning for
// which ServeMux redirects, and returns the decoded values of the wildcards.
func (p *pathPattern) match(path string) (values []string, ok bool) {
	if path == "" || path[0] != '/' || strings.Contains(path, "//") {
		return nil, false
	}
	rest := strings.Split(path[1:], "/")
	for _, segment := range rest {
		if segment == "." || segment == ".." {
			return nil, false
		}
	}
	for _, segment := range p.segments {
		if len(rest) == 0 {
			return nil, false
		}
		name, wild := wildcardName(segment)
		switch {
		case segment == "": // the tail
			return values, true
		case name == "$":
			return values, len(rest) == 1 && rest[0] == ""
		case strings.HasSuffix(name, "..."):
			return append(values, unescape(strings.Join(rest, "/"))), true
		case wild && rest[0] != "":
			values = append(values, unescape(rest[0]))
		case wild || unescape(rest[0]) != unescape(segment):
			return nil, false
		}
		rest = rest[1:]
	}
	return values, len(rest) == 0
}

// unescape decodes as ServeMux does, which keeps what cannot be decoded.
func unescape(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}
