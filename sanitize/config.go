package sanitize

import (
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Fields names the strings that are sanitized, each with its policy. A string
// that is not named is never changed: passwords, tokens and signatures must
// arrive as they were sent.
type Fields map[string]Policy

// A Config names what is sanitized. At least one of Fields, Form and Query must
// name something.
type Config struct {
	// Fields are strings in a JSON body. The key is a JSON pointer (RFC 6901),
	// in which the segment "*" stands for any one name or index: "/name",
	// "/items/*/note", "/tags/*".
	//
	// Where two pointers match a string, the more exact one counts: the one
	// with a name at the first place where only one of them has "*". A value
	// that is not a string is not changed, and neither are strings inside it,
	// unless another pointer names them.
	//
	// A name in the body that differs from a name in a pointer only by case
	// folding is 422 "sanitize.spelling", because encoding/json reads both as
	// the same name.
	//
	// A request without a body passes. Without Form, a body of another type
	// than MediaTypes is 415.
	//
	// Refused: "name" (no leading slash), "/a*" (part of a segment), "/a~2"
	// (not an escape of RFC 6901).
	Fields Fields

	// Form are fields of a body of type application/x-www-form-urlencoded, by
	// name. Every field of that name is sanitized. A field whose name differs
	// only by case folding is sanitized as well, because many form decoders
	// ignore case; where Form names that spelling too, its own policy counts.
	//
	// Without Form, such a body is 415 where Fields name something.
	//
	// [http.Request.FormValue] merges the form and the query. So a request that
	// has a field of Form in its query is 400 "body.ambiguous_parameter".
	Form Fields

	// Query are parameters in the query of the URL, by name, as in Form.
	//
	// A request that has a parameter of Query in a form, multipart forms
	// included, is 400 "body.ambiguous_parameter". To know that, the layer
	// reads the body of a form within MaxBodyBytes and BodyTimeout. A name that
	// stands in Form too may be in one of the two parts.
	Query Fields

	// MaxBodyBytes is the size of the body as it is received. A larger body is
	// 413 "body.too_large". Where another layer bounds the body as well, the
	// smaller bound counts. A body may grow while it is sanitized, sixfold at
	// most, because HTML escapes its text. Default: 1 MiB.
	MaxBodyBytes int64

	// MediaTypes are the types of JSON bodies, in lower case and without
	// parameters: "application/json" or another that ends in "+json". Another
	// type is 415 "body.unsupported_media_type". Default: "application/json"
	// and "application/merge-patch+json" (RFC 7396). The pointers of a merge
	// patch are those of the document.
	MediaTypes []string

	// BodyTimeout is how long the body may take to arrive. A later body is 408
	// "body.timeout". Default: 30 seconds.
	BodyTimeout time.Duration

	// JSON bounds a JSON body. A document beyond a bound is 400
	// "body.too_complex". That includes a string longer than MaxStringBytes,
	// whether Fields names it or not.
	//
	// MaxStringBytes holds for the values that Form and Query name too, before
	// they are sanitized. A longer value is 400 "sanitize.length", and so is a
	// named string that another layer has put into the body. Its default is
	// MaxBodyBytes, but 64 KiB for a value with the policy Strict, UGC or
	// Custom: reading HTML costs up to a hundred times as much as reading text.
	// A schema with "maxLength": 60000 behind this layer needs
	// MaxStringBytes: 4 * 60000, because a character has up to four bytes.
	//
	// The other bounds hold for JSON bodies alone.
	JSON bulwark.JSONLimits
}

// maxHTML is the default bound of a value that is read as HTML, in bytes.
const maxHTML = 64 << 10

// New makes the layer that a Config describes. The Config is copied. The error
// joins every mistake of the Config, each a *[bulwark.ConfigError].
func New(c Config) (*Middleware, error) {
	check := checker{fault.In("sanitize")}
	m := &Middleware{
		fields:    check.pointers(c.Fields),
		form:      check.names("Form", c.Form),
		query:     check.names("Query", c.Query),
		limits:    body.Config{Source: "sanitize.Config", MaxBodyBytes: c.MaxBodyBytes, BodyTimeout: c.BodyTimeout, MediaTypes: c.MediaTypes, JSON: c.JSON}.Limits(check.faults),
		maxString: c.JSON.MaxStringBytes,
	}
	if len(c.Fields)+len(c.Form)+len(c.Query) == 0 {
		check.faults.Add("Fields", "", "is empty, and so are Form and Query; name a string, such as Fields: sanitize.Fields{\"/name\": sanitize.Text}")
	}
	if err := check.faults.Err(); err != nil {
		return nil, err
	}
	m.maxHTML = m.maxString
	if m.maxString == 0 {
		m.maxString = int(m.limits.Max)
		m.maxHTML = min(maxHTML, m.maxString)
	}
	if len(m.fields) == 0 {
		m.limits.MediaTypes = nil
	}
	if len(m.form) > 0 {
		m.limits.MediaTypes = append(m.limits.MediaTypes, body.FormType)
	}
	m.limits.TypesFrom = "sanitize.Config.MediaTypes and sanitize.Config.Form"
	m.spelling = newSpelling(m.fields)
	m.isForm, m.isQuery = folds(m.form), folds(m.query)
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
