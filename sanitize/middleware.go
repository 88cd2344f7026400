package sanitize

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Middleware sanitizes requests. Make it with [New]. A Middleware is safe for
// concurrent use. The zero Middleware and the nil Middleware refuse every
// request with 500 "sanitize.unconfigured".
type Middleware struct {
	ready     bool
	fields    []pattern
	spelling  *spelling
	form      []named
	query     []named
	isForm    map[string]bool // the names of form, folded
	isQuery   map[string]bool // the names of query, folded
	limits    body.Limits
	maxString int // bytes of one value
	maxHTML   int // bytes of one value with a policy that reads HTML
	detect    Detect
	open      body.Limits // of a body in which no string is named
	except    exceptions
}

// Kind returns "sanitize".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindSanitize }

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Wrap returns a handler that sanitizes each request and passes it to next. A
// request that Clean refuses is answered through [bulwark.Deny].
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clean, err := m.clean(w, r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, clean)
	})
}

// Clean sanitizes a request without answering it, for use outside of a chain.
// It returns the request to pass on. If no string changes, this may be r
// itself. A refusal is a *[bulwark.Problem], for [bulwark.Deny].
//
// Only the strings that a policy changes are written anew: their tokens in a
// body, their values in a query or form. White space, order and numbers stay.
// The body and URL.RawQuery of the result are changed. RequestURI keeps the
// text that the client sent.
//
// With Config.Detect, Clean reports what it finds, as Wrap does.
//
// Clean does not apply Config.BodyTimeout, because it has no ResponseWriter to
// set a read deadline with.
func (m *Middleware) Clean(r *http.Request) (*http.Request, error) { return m.clean(nil, r) }

func (m *Middleware) clean(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if m == nil || !m.ready {
		return nil, fault.Unmade("sanitize", "New")
	}
	if m.detect == DetectOff {
		return m.edit(w, r, nil)
	}
	return m.watch(w, r)
}

// watch is edit for a layer that looks for payloads. It looks at the request as
// it was sent.
func (m *Middleware) watch(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	watch := watch{except: &m.except, left: maxExamined}
	watch.target(r.URL)
	if m.detect == DetectReject && len(watch.seen.list) > 0 { // refused without its body
		return nil, watch.seen.reject(r)
	}
	clean, err := m.edit(w, r, &watch)
	switch {
	case len(watch.seen.list) == 0:
		return clean, err
	case m.detect == DetectReject:
		return nil, watch.seen.reject(r)
	case err != nil:
		watch.seen.report(r)
		return nil, err
	}
	return watch.seen.report(clean), nil
}

// edit sanitizes a request, and lets watch examine its body first.
func (m *Middleware) edit(w http.ResponseWriter, r *http.Request, watch *watch) (*http.Request, error) {
	var found refusal
	r, err := m.cleanQuery(r, &found)
	if err != nil {
		return nil, err
	}
	if err = m.refuseQuery(r); err != nil {
		return nil, err
	}
	if r, err = m.cleanBody(w, r, watch, &found); err != nil {
		return nil, err
	}
	if r, err = m.refuseForm(w, r); err != nil {
		return nil, err
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return r, nil
}

func (m *Middleware) cleanQuery(r *http.Request, found *refusal) (*http.Request, error) {
	if len(m.query) == 0 || r.URL == nil || r.URL.RawQuery == "" {
		return r, nil
	}
	query, err := m.cleanPairs(r.URL.RawQuery, m.query, inQuery, found)
	if err != nil || query == r.URL.RawQuery {
		return r, err
	}
	r = r.WithContext(r.Context()) // a shallow copy
	u := *r.URL
	u.RawQuery = query
	r.URL = &u
	body.ForgetForm(r)
	return r, nil
}

func (m *Middleware) cleanBody(w http.ResponseWriter, r *http.Request, watch *watch, found *refusal) (*http.Request, error) {
	if watch != nil && isParsed(r) {
		watch.parsed(r)
	}
	if len(m.fields) == 0 && len(m.form) == 0 {
		return m.watchBody(w, r, watch)
	}
	if len(m.form) > 0 && isParsed(r) {
		return m.cleanParsed(r, found), nil
	}
	r, b, err := body.Read(w, r, m.limits)
	if err != nil || b.Empty() {
		return r, err
	}
	if watch != nil {
		watch.body(b)
	}
	if b.MediaType() == body.FormType {
		return m.cleanForm(r, b, found)
	}
	return m.cleanJSON(r, b, found), nil
}

// watchBody examines a body in which no string is named. A body that is neither
// JSON nor a form passes unread.
func (m *Middleware) watchBody(w http.ResponseWriter, r *http.Request, watch *watch) (*http.Request, error) {
	if watch == nil || isParsed(r) {
		return r, nil
	}
	limits, ok := m.readable(r)
	if !ok {
		return r, nil
	}
	r, b, err := body.Read(w, r, limits)
	if err != nil || b.Empty() {
		return r, err
	}
	watch.body(b)
	return r, nil
}

func (m *Middleware) cleanForm(r *http.Request, b *body.Body, found *refusal) (*http.Request, error) {
	old := string(b.Bytes())
	form, err := m.cleanPairs(old, m.form, inForm, found)
	if err != nil || form == old {
		return r, err
	}
	r, _ = body.ReplaceBytes(r, []byte(form))
	return r, nil
}

func (m *Middleware) cleanJSON(r *http.Request, b *body.Body, found *refusal) *http.Request {
	doc := b.Document()
	if other := m.spelling.other(doc.Value); other != nil {
		found.add(inBody, other.pointer, other.pointer, flawSpelling, m.maxString)
		return r
	}
	var changed map[int]string
	for i := range doc.NumStrings() {
		if found.full() { // a pointer is made for each refusal
			break
		}
		p := find(m.fields, doc, i)
		if p == nil {
			continue
		}
		s, _, _ := doc.String(i)
		clean, flaw := m.apply(p.policy, s)
		if flaw != "" {
			found.add(inBody, doc.Pointer(i), p.text, flaw, m.longest(p.policy))
			continue
		}
		if clean == s {
			continue
		}
		if changed == nil {
			changed = make(map[int]string)
		}
		changed[i] = clean
	}
	if len(changed) == 0 {
		return r
	}
	src, doc := doc.Patch(changed)
	r, _ = body.Replace(r, doc, src)
	return r
}

// apply applies a policy to a string. A string that is too long is refused
// unseen.
func (m *Middleware) apply(p Policy, s string) (clean, flaw string) {
	if len(s) > m.longest(p) {
		return "", flawLength
	}
	return p.apply(s)
}

// longest returns the bound of a value with the policy p, in bytes.
func (m *Middleware) longest(p Policy) int {
	if p == Text || p == Reject {
		return m.maxString
	}
	return m.maxHTML
}
