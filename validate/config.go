package validate

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config describes the requests that pass. At least one of Body, Query, Path
// and Header is required. A part of the request without a schema is not
// checked.
//
// Every schema is strict. An object may have only the properties that a schema
// describes, unless a schema says "additionalProperties": true. Misspelled
// keywords and other mistakes in a schema are errors of [New]; the package
// comment lists them.
type Config struct {
	// Body describes the JSON body. With a Body, a request without a body is
	// 400 "body.required", unless OptionalBody is set. Default: the body is not
	// checked.
	Body Schema
	// Query describes the query as an object. Each property is a parameter.
	// Default: the query is not checked.
	//
	// A parameter has one declared type: string, integer, number, boolean, or
	// an array of these. The type may be declared in any schema of the
	// property, also in a branch. A parameter without a type is a string. A
	// rule that never applies to the type is an error of New.
	//
	// An array is written by repeating the parameter: "tag=a&tag=b". With
	// "x-explode": false in its schema, an array is one parameter with commas:
	// "tag=a,b".
	//
	// A default must be a value that the query can hold. These defaults are
	// errors of New: a comma in an item of an array with commas, and a number
	// with an exponent.
	//
	// If the body is a form (urlencoded or multipart), the layer also reads the
	// form, within MaxBodyBytes. A form that holds a parameter of the query is
	// 400 "body.ambiguous_parameter", because r.FormValue prefers the body, and
	// no schema has checked the body. The handler can read the form again.
	Query Schema
	// Path describes the wildcards of the route as an object, as in Query but
	// without arrays. An empty wildcard counts as missing. Default: the path is
	// not checked.
	//
	// Routes with different wildcards may share a Config. The pattern of each
	// route has at least one wildcard that Path describes, or does not have
	// wildcards. Otherwise no rule would be applied. The answer to such a
	// request is 500 "validate.unconfigured".
	Path Schema
	// Header describes header fields as an object, as in Query. The names of
	// the properties may have any case. Default: the header is not checked.
	//
	// An array is a list with commas (RFC 9110 section 5.6.1). The items of its
	// default must not have commas, or white space around them.
	//
	// Header fields that are not described pass, because browsers and proxies
	// add fields of their own. A request whose Connection names a described
	// field is 400 "validate.malformed_header". A field of one connection, such
	// as Upgrade, cannot be described.
	Header Schema

	// MaxBodyBytes is the largest size of the body in bytes, also of a form
	// that the layer reads because of Query. A larger body is 413
	// "body.too_large". If another layer also bounds the body, the smaller
	// bound applies. Default: 1 MiB.
	MaxBodyBytes int64
	// MediaTypes are the types of the body, in lower case and without
	// parameters: "application/json" or another type that ends in "+json". Any
	// other type is 415 "body.unsupported_media_type". Default:
	// "application/json" and "application/merge-patch+json" (RFC 7396).
	MediaTypes []string
	// BodyTimeout is the time within which the body must arrive. A later body
	// is 408 "body.timeout". Default: 30 seconds.
	BodyTimeout time.Duration
	// OptionalBody lets requests without a body pass unchecked. [BodyAs] then
	// returns the zero value. Default: false, which requires a body.
	OptionalBody bool
	// JSON bounds the document in the body. A document beyond a bound is 400
	// "body.too_complex". Default: the default of each bound.
	//
	// Three of the bounds also apply to parameters: MaxKeys to the number of
	// query parameters, MaxNameBytes to the name of a query parameter, and
	// MaxItems to the items of one parameter in a query or header. A parameter
	// beyond a bound is 400 "validate.too_complex".
	JSON bulwark.JSONLimits
	// MaxSteps bounds the work for the body, the query, the path and the
	// header, each by itself, in steps. A value that takes more steps is 400
	// "validate.too_complex". Default: 100,000.
	//
	// These cost one step each: a schema that is applied to a value, a property
	// or item that is checked, and a value that is filled in as a default. Some
	// work costs more:
	//
	//   - a pattern costs the bytes of the string times the instructions of the
	//     compiled pattern, divided by 256. The same cost is added again for
	//     each 64 KiB of the string;
	//   - uniqueItems costs one step for each value within the items;
	//   - a long default costs one step for each 32 bytes;
	//   - a long string costs one step for each 256 bytes.
	MaxSteps int
	// Formats are your own formats, by name. A function reports whether a
	// string has the format. It must be safe for concurrent use and quick.
	// Default: only the built-in formats.
	//
	// A format with the name of a built-in format for strings replaces the
	// built-in format. A format with a new name also applies to numbers, if the
	// type of the schema is integer or number and not string. The function then
	// gets the number as it is written in the JSON.
	Formats map[string]func(string) bool
	// URISchemes are the schemes that the formats uri and uri-reference accept,
	// in lower case, such as "https". Default: every scheme that carries no
	// script and no data. The schemes javascript, data, vbscript, blob, file,
	// filesystem, livescript, mocha, view-source and jar are refused.
	URISchemes []string
	// PathValue returns a wildcard of the route, for routers that leave
	// r.PathValue empty. Without PathValue such a route is 500
	// "validate.unconfigured". Default: [net/http.Request.PathValue].
	PathValue func(r *http.Request, name string) string
	// Status is the status for values that a schema refuses: 422 (RFC 9110
	// section 15.5.21) or 400. Default: 422.
	Status int
	// MaxErrors is the number of faults that an answer lists. Default: 20. At
	// most 100.
	MaxErrors int

	// DescriptiveDefaults accepts a default that can never be filled in, such
	// as a default below anyOf, as a description. Published documents have such
	// defaults. Default: false, which makes such a default an error of New.
	DescriptiveDefaults bool
	// InsecureUnknownProperties accepts properties and query parameters that no
	// schema describes. A repeated parameter is then a list. A client can then
	// set each field of a struct or database row that the handler fills from
	// the body, also a field that the schema does not describe (mass
	// assignment). Default: false, which refuses them.
	InsecureUnknownProperties bool
}

// The parts of a request, as FieldError.In names them. They are checked in this
// order.
const (
	inPath   = "path"
	inHeader = "header"
	inQuery  = "query"
	inBody   = "body"
)

const (
	defaultSteps     = 100_000
	defaultMaxErrors = 20
	mostErrors       = 100
)

// New compiles the schemas of the Config and copies the Config. The error joins
// all mistakes of the Config. Each is a *[bulwark.ConfigError], which names the
// field, the place in the schema, and what to write.
func New(config Config) (*Middleware, error) {
	b := builder{config: config, faults: fault.In("validate")}
	m := b.build()
	if err := b.faults.Err(); err != nil {
		return nil, err
	}
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
