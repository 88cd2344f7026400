package cors

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
	"golang.org/x/net/publicsuffix"
)

// Origins splits a list of origins at its commas, trims white space, and drops
// empty entries. It is for a list that is one text, such as an environment
// variable:
//
//	cors.Config{Origins: cors.Origins(os.Getenv("ALLOWED_ORIGINS"))}
//
// It does not check the origins. [New] does, and refuses an empty list.
func Origins(list string) []string {
	var origins []string
	for origin := range strings.SplitSeq(list, ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			origins = append(origins, origin)
		}
	}
	return origins
}

// maxOrigin bounds the origins that are looked at: scheme, the longest host
// that DNS can name, and a port.
const maxOrigin = 320

// suffix is what all hosts under a wildcard have in common.
type suffix struct{ scheme, hostport string }

// origins is the compiled list.
type origins struct {
	any       bool
	exact     map[string]struct{}
	suffixes  map[suffix]struct{}
	wildcards bool
}

func (o *origins) add(text string, p pattern) {
	if !p.wildcard {
		o.exact[text] = struct{}{}
		return
	}
	o.wildcards = true
	o.suffixes[suffix{p.scheme, p.host + p.port}] = struct{}{}
}

// allows reports whether an Origin header names an origin of the list. The
// comparison is exact to the byte (Fetch, CORS check). Its cost is bounded for
// any text.
func (o *origins) allows(origin string) bool {
	if o.any {
		return true
	}
	if len(origin) > maxOrigin {
		return false
	}
	if _, ok := o.exact[origin]; ok {
		return true
	}
	return o.wildcards && o.allowsSubdomain(origin)
}

// everybodys reports whether a host under base is a public suffix that is
// itself under base, or is under such a suffix. An example is s3.amazonaws.com,
// under which anybody can register a name, although not everybody can under
// amazonaws.com.
func everybodys(host, base string) bool {
	suffix, _ := publicsuffix.PublicSuffix(host)
	return len(suffix) > len(base)
}

// allowsSubdomain tries each parent domain of the host of the origin, the
// longest first. The text in place of the star must be labels: a byte that a
// label cannot have ends the search. The first match also ends the search: a
// name that anybody can register under a longer domain is such a name under a
// shorter domain as well.
func (o *origins) allowsSubdomain(origin string) bool {
	scheme, rest, ok := strings.Cut(origin, "://")
	if !ok {
		return false
	}
	label := 0 // length of the label so far
	for i := range len(rest) {
		switch c := rest[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			label++
		case c == '.' && label > 0 && label <= 63:
			if _, ok := o.suffixes[suffix{scheme, rest[i+1:]}]; ok {
				host, _ := splitPort(rest)
				base, _ := splitPort(rest[i+1:])
				return !everybodys(host, base)
			}
			label = 0
		default:
			return false
		}
	}
	return false
}

func compileOrigins(c Config, faults *fault.List) *origins {
	list := &origins{exact: map[string]struct{}{}, suffixes: map[suffix]struct{}{}}
	if len(c.Origins) == 0 {
		faults.Add("Origins", "", "is empty; write the origins that may read answers, such as https://app.example.com, or leave the layer out")
	}
	for i, text := range c.Origins {
		if text == "*" {
			list.any = true
			switch {
			case c.Credentials:
				faults.AddAt("Origins", i, text, "allows every site to act as the user; write each origin, or leave Credentials out")
			case len(c.Origins) > 1:
				faults.AddAt("Origins", i, text, "includes the other origins; write it alone")
			}
			continue
		}
		p, reason := parsePattern(text)
		if reason == "" && c.Credentials && p.scheme == "http" && !p.loopback() {
			reason = "is plain http together with Credentials: an attacker on the path can be that origin; use https"
		}
		if reason != "" {
			faults.AddAt("Origins", i, withoutUser(text), reason)
			continue
		}
		list.add(text, p)
	}
	return list
}

// withoutUser hides the user of a URL, which may be a password: errors are
// logged.
func withoutUser(text string) string {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return text
	}
	scheme, _, ok := strings.Cut(text[:at], "://")
	if !ok {
		return "…" + text[at:]
	}
	return scheme + "://…" + text[at:]
}
