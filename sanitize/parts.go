package sanitize

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// refuseQuery refuses a query that has a field of Form in it: r.FormValue
// merges query and form, so that the handler would read a value that nobody has
// cleaned.
func (m *Middleware) refuseQuery(r *http.Request) error {
	if len(m.form) == 0 || r.URL == nil || r.URL.RawQuery == "" {
		return nil
	}
	return body.RefuseNames("query", "sanitize.Config.Form", r.URL.Query(), func(folded string) bool { return m.isForm[folded] && !m.isQuery[folded] })
}

// refuseForm refuses a form that has a parameter of Query in it, as refuseQuery
// does. A name of both Form and Query is clean in both, and is refused where it
// stands in both.
func (m *Middleware) refuseForm(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if len(m.query) == 0 {
		return r, nil
	}
	r, fields, err := body.ReadForm(w, r, m.limits)
	if err != nil || len(fields) == 0 {
		return r, err
	}
	return r, body.RefuseNames("form", "sanitize.Config.Query", fields, func(folded string) bool {
		return m.isQuery[folded] && (!m.isForm[folded] || holds(r.URL.Query(), folded))
	})
}

// holds reports whether one of the names is folded, in any case.
func holds(values url.Values, folded string) bool {
	for name := range values {
		if jsondoc.Fold(name) == folded {
			return true
		}
	}
	return false
}

// folds returns the names as jsondoc.Fold writes them.
func folds(names []named) map[string]bool {
	folded := make(map[string]bool, len(names))
	for _, n := range names {
		folded[jsondoc.Fold(n.name)] = true
	}
	return folded
}

// isParsed reports whether an outer layer has taken fields out of the body.
// Then the handler reads those, and not the body.
func isParsed(r *http.Request) bool { return len(r.PostForm) > 0 || r.MultipartForm != nil }

// cleanParsed returns a copy of r whose parsed form is clean.
func (m *Middleware) cleanParsed(r *http.Request, found *refusal) *http.Request {
	r = r.WithContext(r.Context()) // a shallow copy
	r.PostForm = m.cleanValues(r.PostForm, found)
	if r.MultipartForm != nil {
		form := *r.MultipartForm
		form.Value = m.cleanValues(form.Value, found)
		r.MultipartForm = &form
	}
	body.ForgetForm(r)
	return r
}

// cleanValues returns a copy of the values of a form in which the named fields
// are clean.
func (m *Middleware) cleanValues(values url.Values, found *refusal) url.Values {
	values = maps.Clone(values)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		entry := entryFor(m.form, name)
		if entry == nil {
			continue
		}
		values[name] = slices.Clone(values[name])
		for i, value := range values[name] {
			clean, flaw := m.apply(entry.policy, value)
			if flaw != "" {
				found.add(inForm, "/"+escape.Replace(name), entry.name, flaw, m.longest(entry.policy))
			}
			values[name][i] = clean
		}
	}
	return values
}
