package sanitize

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// cleanPairs sanitizes the named values of a query or form, which have the same
// syntax. Only values that have changed are written anew.
//
// It refuses text that readers understand differently. A semicolon separates
// pairs for some readers and not for others; net/url refuses it as well. A
// percent sign that does not begin an escape is refused too. A pair that cannot
// be read could not be sanitized.
func (m *Middleware) cleanPairs(text string, names []named, in string, found *refusal) (string, error) {
	if strings.IndexByte(text, ';') >= 0 {
		return text, malformed(in)
	}
	var out strings.Builder
	kept, next := 0, 0
	for at := 0; at < len(text) && !found.full(); at = next + 1 {
		next = len(text)
		if end := strings.IndexByte(text[at:], '&'); end >= 0 {
			next = at + end
		}
		pair := text[at:next]
		raw, escaped, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(raw)
		if err != nil {
			return text, malformed(in)
		}
		value, err := url.QueryUnescape(escaped)
		if err != nil {
			return text, malformed(in)
		}
		entry := entryFor(names, name)
		if entry == nil {
			continue
		}
		clean, flaw := m.apply(entry.policy, value)
		if flaw != "" {
			found.add(in, "/"+escape.Replace(name), entry.name, flaw, m.longest(entry.policy))
			continue
		}
		if clean != value {
			out.WriteString(text[kept : at+len(raw)])
			out.WriteByte('=')
			out.WriteString(url.QueryEscape(clean))
			kept = next
		}
	}
	if kept == 0 {
		return text, nil
	}
	out.WriteString(text[kept:])
	return out.String(), nil
}

// named is one entry of Form or Query.
type named struct {
	name   string
	policy Policy
}

// entryFor returns the entry for a name, or nil.
func entryFor(names []named, name string) *named {
	for i := range names {
		if names[i].name == name {
			return &names[i]
		}
	}
	for i := range names {
		if strings.EqualFold(names[i].name, name) {
			return &names[i]
		}
	}
	return nil
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

var (
	errQuery = errors.New("the query cannot be read, and sanitize.Config.Query names parameters in it")
	errForm  = errors.New("the form cannot be read, and sanitize.Config.Form names fields of it")
)

func malformed(in string) *bulwark.Problem {
	p := &bulwark.Problem{Status: http.StatusBadRequest, Code: "sanitize.malformed_query",
		Detail: "The query has a semicolon, or a percent sign that does not begin an escape; write them as %3B and %25.", Err: errQuery}
	if in == inForm {
		p.Code, p.Err = "sanitize.malformed_form", errForm
		p.Detail = strings.Replace(p.Detail, "query", "form", 1)
	}
	return p
}
