package validate

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// query parses, coerces and checks the query.
func (v *visit) query() error {
	p := v.m.query
	if p == nil {
		return nil
	}
	given, ok := parseQuery(v.r.URL.RawQuery, v.m.maxParams)
	if !ok {
		return malformed(inQuery, "The query is not made of name=value pairs joined by &, percent-encoded, in UTF-8.")
	}
	if given == nil {
		return tooMany(inQuery, "parameters", "MaxKeys", v.m.maxParams)
	}
	if err := v.form(p, given); err != nil {
		return err
	}
	values := make(map[string]any, len(given))
	for name, texts := range given {
		if len(name) > v.m.maxName {
			return tooMany(inQuery, "bytes in the name of a parameter", "MaxNameBytes", v.m.maxName)
		}
		param := parameter{types: schema.String}
		i, declared := p.find(name)
		if declared {
			param = p.list[i]
		} else if v.m.open && len(texts) > 1 {
			param = parameter{types: schema.Array, items: schema.String} // let through as it is
		}
		if param.commas && len(texts) == 1 {
			texts = strings.Split(texts[0], ",")
		} else if param.commas {
			param.types = schema.String // a list must not be repeated
		}
		if len(texts) > v.m.maxItems {
			return tooMany(inQuery, "items in one parameter", "MaxItems", v.m.maxItems)
		}
		value, once := param.value(texts)
		if !once {
			v.repeated(inQuery, name, declared)
		}
		values[name] = value
	}
	filled, err := v.parameters(p, values)
	if err != nil {
		return err
	}
	v.fillQuery(p, values, filled)
	raw := func(r *http.Request) string { return r.URL.RawQuery }
	v.checked.query = &checkedParameters{values: filled, raw: raw, text: raw(v.r)}
	return nil
}

// fillQuery appends the defaults to the query. The text that the client sent is
// not changed.
func (v *visit) fillQuery(p *parameters, before, after map[string]any) {
	if len(before) == len(after) {
		return
	}
	query := v.r.URL.RawQuery
	for i := range p.list {
		param := &p.list[i]
		if _, present := before[param.name]; present {
			continue
		}
		value, filled := after[param.name]
		if !filled {
			continue
		}
		for _, text := range param.texts(value) {
			if query != "" {
				query += "&"
			}
			query += url.QueryEscape(param.name) + "=" + url.QueryEscape(text)
		}
	}
	r := v.r.WithContext(v.r.Context())
	u := *r.URL
	u.RawQuery = query
	r.URL = &u
	body.ForgetForm(r)
	v.r = r
}

// form refuses a form in the body that holds a parameter of the query.
// r.FormValue merges both and prefers the body. The handler would read a value
// that no schema has checked. With a Body schema, only a JSON body passes.
func (v *visit) form(p *parameters, given map[string][]string) error {
	if v.m.body != nil {
		return nil
	}
	r, fields, err := body.ReadForm(v.w, v.r, v.m.limits)
	if err != nil {
		return err
	}
	v.r = r
	matched := map[string]struct{}{}
	for name := range fields {
		if p.schema.Matches(name) {
			matched[jsondoc.Fold(name)] = struct{}{}
		}
	}
	return body.RefuseNames("form", "validate.Config.Query", fields, func(folded string) bool {
		if _, ok := matched[folded]; ok {
			return true
		}
		_, declared := p.folds[folded]
		return declared || !v.m.open && holdsFolded(given, folded)
	})
}

// holdsFolded reports whether one of the names is folded, in any case.
func holdsFolded(given map[string][]string, folded string) bool {
	for name := range given {
		if jsondoc.Fold(name) == folded {
			return true
		}
	}
	return false
}

// parseQuery reads a query strictly. It refuses a bad percent escape, a
// semicolon (which some readers take for a separator), a pair without a name,
// NUL, and text that is not UTF-8. Package net/url drops such a pair and goes
// on. With more than limit pairs the result is nil.
func parseQuery(raw string, limit int) (map[string][]string, bool) {
	given := map[string][]string{}
	if raw == "" {
		return given, true
	}
	count := 0
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if count++; count > limit {
			return nil, true
		}
		if strings.IndexByte(pair, ';') >= 0 {
			return nil, false
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil || name == "" || !sound(name) {
			return nil, false
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil || !sound(value) {
			return nil, false
		}
		given[name] = append(given[name], value)
	}
	return given, true
}
