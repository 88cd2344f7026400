package sanitize

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// maxExamined bounds what is examined of one request, in bytes of strings that
// have a trigger. Such a byte costs up to a hundred times as much as decoding
// it.
const maxExamined = 64 << 10

// A watch looks for payloads in one request.
type watch struct {
	except *exceptions
	left   int // bytes that may still be examined
	seen   sightings
}

// look examines one string. It returns the rule that finds it, or "". A string
// without a trigger costs nothing of what may be examined.
func (w *watch) look(s string, at part) (rule, fingerprint string) {
	head, tail := clip(s)
	if traits(head, at) == 0 && (tail == "" || traits(tail, at) == 0) {
		return "", ""
	}
	size := len(head) + len(tail)
	if size > w.left {
		return "", ""
	}
	w.left -= size
	return suspect(s, at)
}

// target examines the path and the query.
func (w *watch) target(u *url.URL) {
	if u == nil {
		return
	}
	w.path(u)
	w.pairs(u.RawQuery, queryName, queryValue)
}

// path examines the path as a whole, and each of its segments. A payload in one
// segment is not recognised as SQL behind the others. A slash that was escaped
// is a part of its segment for [http.Request.PathValue], and ends a segment for
// other routers.
func (w *watch) path(u *url.URL) {
	rule, fingerprint := w.look(u.Path, pathValue)
	if rule == "" {
		rule, fingerprint = w.segments(u.Path, false)
	}
	if rule == "" && u.RawPath != "" {
		rule, fingerprint = w.segments(u.EscapedPath(), true)
	}
	w.seen.add(pathValue, "", rule, fingerprint)
}

func (w *watch) segments(path string, escaped bool) (rule, fingerprint string) {
	for segment := range strings.SplitSeq(path, "/") {
		if rule != "" || w.left <= 0 {
			break
		}
		if escaped && strings.IndexByte(segment, '%') >= 0 {
			segment, _ = url.PathUnescape(segment)
		}
		rule, fingerprint = w.look(segment, pathValue)
	}
	return rule, fingerprint
}

// pairs examines the names and values of a query or form.
func (w *watch) pairs(text string, name, value part) {
	for text != "" && w.left > 0 {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		before, after, _ := strings.Cut(pair, "=")
		w.pair(before, after, name, value)
	}
}

func (w *watch) pair(rawName, rawValue string, name, value part) {
	n := unescapeOnce(rawName)
	if w.except.name(n) {
		return
	}
	open := w.parameter(n, name)
	w.parameterValue(n, open, unescapeOnce(rawValue), value)
}

// parameter examines the name of a parameter, and reports whether events may
// show it. A query without "=" is all name to the parser, and is a value to
// whoever sent it. So a name that a rule finds is not shown. Operators are the
// exception: who reads the event wants to know which one it is.
func (w *watch) parameter(name string, at part) (open bool) {
	rule, fingerprint := w.look(name, at)
	open = rule == "" && len(name) <= w.left || rule == ruleNoSQL
	if rule != "" {
		w.seen.add(at, parameterName(name, open), rule, fingerprint)
	}
	return open
}

// parameterValue examines one value of a parameter.
func (w *watch) parameterValue(name string, open bool, value string, at part) {
	if rule, fingerprint := w.look(value, at); rule != "" {
		w.seen.add(at, parameterName(name, open), rule, fingerprint)
	}
}

// parameterName returns the name of a parameter for an event. A name with a
// space is the beginning of a text that somebody sent as a form.
func parameterName(name string, open bool) string {
	if !open || strings.IndexByte(name, ' ') >= 0 {
		return hidden
	}
	return shown(name)
}

// values examines a form that an outer layer has parsed.
func (w *watch) values(values url.Values) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if w.except.name(name) {
			continue
		}
		open := w.parameter(name, formName)
		for _, value := range values[name] {
			w.parameterValue(name, open, value, formValue)
		}
	}
}

// parsed examines the form of a request whose body was parsed.
func (w *watch) parsed(r *http.Request) {
	w.values(r.PostForm)
	if r.MultipartForm != nil {
		w.values(r.MultipartForm.Value)
	}
}

// readable returns the limits of a body that is examined, and false for a body
// that passes unread: neither JSON nor a form, or encoded.
func (m *Middleware) readable(r *http.Request) (body.Limits, bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return m.open, false
	}
	var mediaType string
	if b := body.From(r); b != nil {
		mediaType = b.MediaType()
	} else if body.Identity(r.Header) {
		mediaType, _ = body.MediaType(r.Header)
	}
	limits := m.open
	switch {
	case slices.Contains(limits.MediaTypes, mediaType):
	case body.IsJSON(mediaType):
		limits.MediaTypes = []string{mediaType}
	default:
		return limits, false
	}
	return limits, true
}

// body examines a body that was read.
func (w *watch) body(b *body.Body) {
	if b.MediaType() == body.FormType {
		w.pairs(string(b.Bytes()), formName, formValue)
		return
	}
	doc := b.Document()
	if doc == nil {
		return
	}
	for i := range doc.NumStrings() {
		s, _, _ := doc.String(i)
		head, tail := clip(s)
		if traits(head, bodyValue) == 0 && (tail == "" || traits(tail, bodyValue) == 0) || w.except.value(doc, i) {
			continue
		}
		if rule, fingerprint := w.look(s, bodyValue); rule != "" {
			w.seen.add(bodyValue, shownPointer(doc.Pointer(i)), rule, fingerprint)
		}
	}
	if src := b.Bytes(); bytes.IndexByte(src, '$') >= 0 || bytes.Contains(src, []byte(`\u0024`)) {
		var room [32]string
		w.members(doc.Value, room[:0])
	}
}

// members examines the names of the members of v, in a fixed order.
func (w *watch) members(v any, path []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			inner := append(path, name)
			if rule, fingerprint := suspect(name, bodyName); rule != "" && !w.except.member(inner) {
				w.seen.add(bodyName, pointerOf(inner), rule, fingerprint)
			}
			w.members(v[name], inner)
		}
	case []any:
		for i, element := range v {
			w.members(element, append(path, strconv.Itoa(i)))
		}
	}
}

// pointerOf returns the JSON pointer of the path, as far as it has 256 bytes.
func pointerOf(path []string) string {
	var out []byte
	for _, name := range path {
		var ok bool
		if out, ok = jsondoc.AppendSegment(out, name, maxPointer); !ok {
			break
		}
	}
	return shownPointer(string(out))
}

// shown returns the name of a parameter for an event. A name that is not a
// plain one may be a payload itself, and is not shown.
func shown(name string) string {
	if len(name) > maxPointer || !isPlain(name) {
		return hidden
	}
	return jsondoc.Legible(name)
}

// shownPointer is shown for each segment of a JSON pointer.
func shownPointer(pointer string) string {
	if isPlain(pointer) {
		return jsondoc.Legible(pointer)
	}
	segments := strings.Split(pointer, "/")
	for i, segment := range segments {
		segments[i] = shown(segment)
	}
	return strings.Join(segments, "/")
}

// isPlain reports whether a name has only the characters that names and their
// pointers usually have.
func isPlain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !isLetter(c) && !isDigit(c) && c < 0x80 && strings.IndexByte("_-.[]$:@ /~", c) < 0 {
			return false
		}
	}
	return true
}

// hidden stands for a name that is not shown.
const hidden = "*"

// unescapeOnce decodes a name or value of a query or form. What does not begin
// an escape stays, because only the handler decides what it is.
func unescapeOnce(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}
