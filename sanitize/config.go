package sanitize

import (
	"errors"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Fields says which strings are sanitized, and by which policy. What is not named is never touched: passwords, tokens and signatures
// must arrive as they were sent.
type Fields map[string]Policy

// Config says what is sanitized. At least one of Fields, Form and Query must name something.
type Config struct {
	// Fields are strings in a JSON body. The key is a JSON pointer (RFC 6901), in which the segment "*" stands for any one name or
	// index: "/name", "/items/*/note", "/tags/*". Where two patterns match a string, the one counts that has a name where the other
	// has "*", the first difference deciding. A value that is no string is left to validation, and so are the strings inside it
	// that no pattern names.
	//
	// A name that differs from one in a pattern only by case folding is 422 "sanitize.spelling", as encoding/json would take it for
	// that one.
	//
	// A request without a body passes. Where only Fields are named, a body of another type than MediaTypes is 415.
	//
	// Refused: "name" (no leading slash), "/a*" (part of a segment), "/a~2" (no escape of RFC 6901).
	Fields Fields

	// Form are fields of a body of type application/x-www-form-urlencoded, by name. Every field of that name is sanitized, and every
	// one whose name differs only by case folding, which form decoders tend to ignore, and is not named itself. Such a body is
	// accepted if Form names something, and else is 415 where Fields do.
	Form Fields

	// Query are parameters in the query of the URL, by name, as in Form.
	Query Fields

	// MaxBody is the largest body in bytes, as it is received; larger is 413 "body.too_large". The default is 1 MiB. Where another
	// layer bounds the body too, the smaller bound counts. A body may grow while it is sanitized, sixfold at most, as HTML escapes
	// its text.
	MaxBody int64

	// MaxString is the largest string in bytes, before it is sanitized; larger is 400 "sanitize.length". The default is MaxBody.
	MaxString int

	// MediaTypes are the types of JSON bodies, in lower case and without parameters: application/json or another that ends in
	// "+json". The default is application/json and application/merge-patch+json (RFC 7396), whose pointers are those of the document.
	MediaTypes []string

	// MaxDepth bounds the nesting of a JSON body, default 32; MaxKeys its object members together, default 1,000; MaxItems each of
	// its arrays, default 1,000. Beyond is 400 "body.too_complex".
	MaxDepth, MaxKeys, MaxItems int

	// ReadTimeout bounds the time in which the body must arrive, default 30 s; later is 408 "body.timeout".
	ReadTimeout time.Duration
}

const defaultMaxBody = 1 << 20

const formType = "application/x-www-form-urlencoded"

// New returns the layer that c describes, or all that is wrong with c.
func New(c Config) (*Middleware, error) {
	var check checker
	m := &Middleware{
		fields: check.pointers(c.Fields),
		form:   check.names("Form", c.Form),
		query:  check.names("Query", c.Query),
		limits: body.Limits{
			Max:        c.MaxBody,
			MediaTypes: check.mediaTypes(c.MediaTypes),
			JSON:       jsondoc.Limits{Depth: c.MaxDepth, Keys: c.MaxKeys, Items: c.MaxItems},
			Timeout:    c.ReadTimeout,
		},
		maxString: c.MaxString,
	}
	if len(c.Fields)+len(c.Form)+len(c.Query) == 0 {
		check.refuse("Fields", "", "names nothing to sanitize, nor do Form and Query; name a field, such as \"/name\"")
	}
	check.positive("MaxBody", c.MaxBody)
	check.positive("MaxString", int64(c.MaxString))
	check.positive("MaxDepth", int64(c.MaxDepth))
	check.positive("MaxKeys", int64(c.MaxKeys))
	check.positive("MaxItems", int64(c.MaxItems))
	check.positive("ReadTimeout", int64(c.ReadTimeout))
	if err := errors.Join(check.errs...); err != nil {
		return nil, err
	}
	if m.limits.Max == 0 {
		m.limits.Max = defaultMaxBody
	}
	if m.maxString == 0 {
		m.maxString = int(m.limits.Max)
	}
	if len(m.fields) == 0 {
		m.limits.MediaTypes = nil
	}
	if len(m.form) > 0 {
		m.limits.MediaTypes = append(m.limits.MediaTypes, formType)
	}
	m.spelling = newSpelling(m.fields)
	m.ready = true
	return m, nil
}

// Build is [New], for [bulwark.Chain].
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}
