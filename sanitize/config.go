package sanitize

import (
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Fields names strings, each with its policy. A string that is not named is
// never changed: passwords, tokens and signatures must arrive as they were
// sent.
type Fields map[string]Policy

// A Config names the strings to sanitize. At least one of Fields, Form, Query
// and Detect is required.
type Config struct {
	// Fields are strings in a JSON body. Default: no string in a JSON body is
	// sanitized. With Form, a JSON body is then 415.
	//
	// A key is a JSON pointer (RFC 6901): "/name", "/items/*/note", "/tags/*".
	// The segment "*" stands for any one name or index. These keys are errors
	// of [New]: "name" (no leading slash), "/a*" ("*" in part of a segment),
	// "/a~2" (not an escape of RFC 6901).
	//
	// If two pointers match a string, the more exact pointer applies. At the
	// first place where only one of the two has "*", the more exact pointer has
	// a name.
	//
	// A value that is not a string is not changed. Strings inside such a value
	// are not changed either, unless another pointer names them.
	//
	// A name in the body that differs only by case folding from a name in a
	// pointer is 422 "sanitize.spelling", because encoding/json reads both as
	// the same name.
	//
	// A request without a body passes. A body whose type is not in MediaTypes
	// is 415, unless it is a form and Form names a field.
	Fields Fields

	// Form are fields of a body of type application/x-www-form-urlencoded, by
	// name. Default: forms are not sanitized. With Fields, a form is then 415.
	//
	// Every field with the name is sanitized. A field whose name differs only
	// by case folding is also sanitized, because many decoders of forms ignore
	// case. If Form also has the other spelling, its own policy applies.
	//
	// [http.Request.FormValue] merges the form and the query. So a request that
	// has a field of Form in its query is 400 "body.ambiguous_parameter".
	Form Fields

	// Query are parameters in the query of the URL, by name, as in Form.
	// Default: the query is not sanitized.
	//
	// A request that has a parameter of Query in a form is 400
	// "body.ambiguous_parameter". The form may be urlencoded or multipart. The
	// layer reads the form for this, within MaxBodyBytes and BodyTimeout. A
	// name that is in both Form and Query may be in one of the two parts.
	Query Fields

	// Detect says whether the layer looks for suspicious payloads: injections
	// into SQL, scripts, templates, paths, header fields and queries of
	// MongoDB. DetectReport reports them, and DetectReject also refuses the
	// request. Default: DetectOff. See the package comment for what is looked
	// at.
	//
	// A Config with Detect may leave Fields, Form and Query empty. If Fields
	// and Form are both empty, a body of any type passes. Only JSON bodies and
	// urlencoded forms are then read, within MaxBodyBytes, BodyTimeout and
	// JSON. A body that breaks these bounds, or is not strict JSON, is refused.
	Detect Detect

	// DetectExcept names strings that hold code on purpose, such as the source
	// of a program. They are not examined. An entry is a JSON pointer as in
	// Fields, such as "/snippets/*/source", or the name of a parameter of a
	// form or query, such as "source". At most 64. Default: every string is
	// examined.
	DetectExcept []string

	// MaxBodyBytes is the largest size of the body in bytes, before it is
	// sanitized. A larger body is 413 "body.too_large". If another layer also
	// bounds the body, the smaller bound applies. Default: 1 MiB.
	//
	// A body may grow to six times its size when it is sanitized, because HTML
	// escapes its text.
	MaxBodyBytes int64

	// MediaTypes are the types of JSON bodies, in lower case and without
	// parameters: "application/json" or another type that ends in "+json". Any
	// other type is 415 "body.unsupported_media_type". Default:
	// "application/json" and "application/merge-patch+json" (RFC 7396). In a
	// merge patch, the pointers are those of the document that it changes.
	MediaTypes []string

	// BodyTimeout is the time within which the body must arrive. A later body
	// is 408 "body.timeout". Default: 30 seconds.
	BodyTimeout time.Duration

	// JSON bounds a JSON body. A document beyond a bound is 400
	// "body.too_complex". MaxStringBytes bounds every string of the document,
	// also a string that Fields does not name. Default: the default of each
	// bound.
	//
	// MaxStringBytes also bounds each value that Form and Query name, before
	// the value is sanitized. A longer value is 400 "sanitize.length". A named
	// string that another layer has put into the body has the same bound.
	//
	// The default of MaxStringBytes is MaxBodyBytes. For a value with the
	// policy Strict, UGC or Custom the default is 64 KiB, because reading HTML
	// costs up to a hundred times as much as reading text. A schema with
	// "maxLength": 60000 behind this layer needs MaxStringBytes: 4 * 60000,
	// because a character has up to four bytes.
	//
	// The other bounds apply only to JSON bodies.
	JSON bulwark.JSONLimits
}

// maxHTML is the default bound of a value that is read as HTML, in bytes.
const maxHTML = 64 << 10

// New makes a Middleware of the Config and copies the Config. The error joins
// all mistakes of the Config. Each is a *[bulwark.ConfigError], which names the
// field and what to write.
func New(c Config) (*Middleware, error) {
	check := checker{fault.In("sanitize")}
	m := &Middleware{
		fields:    check.pointers(c.Fields),
		form:      check.names("Form", c.Form),
		query:     check.names("Query", c.Query),
		limits:    body.Config{Source: "sanitize.Config", MaxBodyBytes: c.MaxBodyBytes, BodyTimeout: c.BodyTimeout, MediaTypes: c.MediaTypes, JSON: c.JSON}.Limits(check.faults),
		maxString: c.JSON.MaxStringBytes,
	}
	m.detect, m.except = check.detect(c.Detect), check.exceptions(c.DetectExcept)
	if len(c.DetectExcept) > 0 && c.Detect == DetectOff {
		check.faults.Add("DetectExcept", "", "has entries, but Detect is DetectOff; set Detect: sanitize.DetectReport, or leave DetectExcept out")
	}
	if len(c.Fields)+len(c.Form)+len(c.Query) == 0 && c.Detect == DetectOff {
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
	m.open = m.limits
	m.open.MediaTypes = append(slices.Clone(m.limits.MediaTypes), body.FormType)
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
