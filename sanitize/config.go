package sanitize

import (
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Fields says which strings are sanitized, and by which policy. What is not
// named is never touched: passwords, tokens and signatures must arrive as they
// were sent.
type Fields map[string]Policy

// Config says what is sanitized. At least one of Fields, Form and Query must
// name something.
type Config struct {
	// Fields are strings in a JSON body. The key is a JSON pointer (RFC 6901),
	// in which the segment "*" stands for any one name or index: "/name",
	// "/items/*/note", "/tags/*". Where two patterns match a string, the one
	// counts that has a name where the other has "*", the first difference
	// deciding. A value that is no string is left to validation, and so are the
	// strings inside it that no pattern names.
	//
	// A name that differs from one in a pattern only by case folding is 422
	// "sanitize.spelling", as encoding/json would take it for that one.
	//
	// A request without a body passes. Where only Fields are named, a body of
	// another type than MediaTypes is 415.
	//
	// Refused: "name" (no leading slash), "/a*" (part of a segment), "/a~2" (no
	// escape of RFC 6901).
	Fields Fields

	// Form are fields of a body of type application/x-www-form-urlencoded, by
	// name. Every field of that name is sanitized, and every one whose name
	// differs only by case folding, which form decoders tend to ignore, and is
	// not named itself. Such a body is accepted if Form names something, and
	// else is 415 where Fields do.
	Form Fields

	// Query are parameters in the query of the URL, by name, as in Form.
	Query Fields

	// MaxBodyBytes is the size of the body as it is received. A larger body is
	// 413 "body.too_large". Where another layer bounds the body as well, the
	// smaller bound counts. A body may grow while it is sanitized, sixfold at
	// most, because HTML escapes its text. Default: 1 MiB.
	MaxBodyBytes int64

	// MediaTypes are the types of JSON bodies, in lower case and without
	// parameters: "application/json" or another that ends in "+json". Another
	// type is 415 "body.unsupported_media_type". Default: "application/json"
	// and "application/merge-patch+json" (RFC 7396). The pointers of a patch
	// are those of the document.
	MediaTypes []string

	// BodyTimeout is how long the body may take to arrive. Later is 408
	// "body.timeout". Default: 30 seconds.
	BodyTimeout time.Duration

	// JSON bounds a JSON body. Beyond it a body is 400 "body.too_complex",
	// whether Fields names the string in question or not.
	//
	// MaxStringBytes also bounds each value that Form or Query names, before it
	// is sanitized. A longer value is 400 "sanitize.length". The other bounds
	// are about JSON alone.
	JSON bulwark.JSONLimits
}

const formType = "application/x-www-form-urlencoded"

// New returns the layer that c describes, or all that is wrong with c.
func New(c Config) (*Middleware, error) {
	check := checker{fault.In("sanitize")}
	m := &Middleware{
		fields:    check.pointers(c.Fields),
		form:      check.names("Form", c.Form),
		query:     check.names("Query", c.Query),
		limits:    body.Config{MaxBodyBytes: c.MaxBodyBytes, BodyTimeout: c.BodyTimeout, MediaTypes: c.MediaTypes, JSON: c.JSON}.Limits(check.faults),
		maxString: c.JSON.MaxStringBytes,
	}
	if len(c.Fields)+len(c.Form)+len(c.Query) == 0 {
		check.faults.Add("Fields", "", "names nothing to sanitize, nor do Form and Query; name a field, such as \"/name\"")
	}
	if err := check.faults.Err(); err != nil {
		return nil, err
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

// Build is New, for a Chain.
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}
