package validate

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config describes the requests that pass. At least one of Body, Query, Path
// and Header is required. A part of the request without a schema is not looked
// at.
//
// Every schema is strict. An object has the properties that some schema
// describes and no others, unless a schema says "additionalProperties": true.
// Misspelled keywords, unknown formats, patterns that do not compile, and
// defaults that their own schema refuses or that can never be filled in are
// errors at [New].
type Config struct {
	// Body describes the JSON body. With a Body, a request without a body is
	// 400 "body.required".
	Body Schema
	// Query describes the query as an object. Each property is a parameter,
	// with one declared type: string, integer, number, boolean, or an array of
	// these. The type may stand in any schema of the property, also in a
	// branch. A parameter without a type is a string. A rule that never applies
	// to the type is an error at New.
	//
	// An array is written by repeating the parameter: "tag=a&tag=b". With
	// "x-explode": false in its schema it is one parameter with commas:
	// "tag=a,b".
	//
	// A default must be a value that the query can hold. Refused: a comma in an
	// item of an array with commas, and a number with an exponent.
	//
	// Beside a Query the body is read where it is a form (urlencoded or
	// multipart), within MaxBodyBytes. A form that holds a parameter of the
	// query is 400 "body.ambiguous_parameter", because r.FormValue prefers the
	// body, which no schema has checked. The handler reads the form again.
	Query Schema
	// Path describes the wildcards of the route, declared as in Query, without
	// arrays. An empty wildcard counts as missing.
	Path Schema
	// Header describes header fields, declared as in Query and named in any
	// case. An array is a list with commas (RFC 9110 section 5.6.1). Its
	// default must not have commas in its items or white space around them.
	// Header fields that are not described pass, because browsers and proxies
	// send fields of their own. A request whose Connection names a described
	// field is 400 "validate.malformed_header". Fields of one connection, such
	// as Upgrade, cannot be described.
	Header Schema

	// MaxBodyBytes is the size of the body, or of the form beside a Query. A
	// larger body is 413 "body.too_large". Where another layer bounds the body
	// as well, the smaller bound counts. Default: 1 MiB.
	MaxBodyBytes int64
	// MediaTypes are the types of the body, in lower case and without
	// parameters: "application/json" or another that ends in "+json". Another
	// type is 415 "body.unsupported_media_type". Default: "application/json"
	// and "application/merge-patch+json" (RFC 7396).
	MediaTypes []string
	// BodyTimeout is how long the body may take to arrive. A later body is 408
	// "body.timeout". Default: 30 seconds.
	BodyTimeout time.Duration
	// OptionalBody lets requests without a body pass unchecked. [BodyAs] then
	// returns the zero value. Default: a body is required.
	OptionalBody bool
	// JSON bounds the document in the body. A document beyond a bound is 400
	// "body.too_complex".
	//
	// Three of the bounds hold for parameters too: MaxKeys for the number of
	// query parameters, MaxNameBytes for the name of a query parameter, and
	// MaxItems for the items of one parameter in a query or header. A parameter
	// beyond a bound is 400 "validate.too_complex".
	JSON bulwark.JSONLimits
	// MaxSteps is the work for each of body, query, path and header. A value
	// that takes more is 400 "validate.too_complex". Default: 100,000.
	//
	// One step is a schema applied to a value, a property or item looked at, or
	// a value filled in as a default. Some work costs more:
	//
	//   - a pattern: the bytes of the string times the instructions of the
	//     compiled pattern, 256 of them a step, and as much again for each
	//     64 KiB of the string;
	//   - uniqueItems: each value within the items;
	//   - a long default: each 32 bytes of it;
	//   - a long string: each 256 bytes of it.
	MaxSteps int
	// Formats are formats of your own, by name. They are for strings. Where the
	// type of a schema is integer or number, and not string, a format with a
	// new name gets the number as the JSON writes it. A format for strings with
	// the name of a built-in format takes its place. The functions must be safe
	// for concurrent use. Default: none.
	Formats map[string]func(string) bool
	// URISchemes are the schemes that the formats uri and uri-reference take,
	// in lower case, such as "https". Default: every scheme that carries no
	// script and no data. Refused are javascript, data, vbscript, blob, file
	// and their like.
	URISchemes []string
	// PathValue returns a wildcard of the route, for routers that leave
	// r.PathValue empty. Default: [net/http.Request.PathValue].
	PathValue func(r *http.Request, name string) string
	// Status answers values that the schemas refuse: 422 (RFC 9110 section
	// 15.5.21) or 400. Default: 422.
	Status int
	// MaxErrors is the number of faults that an answer lists. Default: 20. At
	// most 100.
	MaxErrors int

	// DescriptiveDefaults takes a default that can never be filled in, such as
	// one below anyOf, for a description, as published documents have it.
	// Default: false, which makes such a default an error of New.
	DescriptiveDefaults bool
	// InsecureUnknownProperties lets properties and query parameters pass that
	// no schema describes. A parameter that is repeated is a list. A handler
	// that binds them to a struct or database row with more fields than the
	// schema then lets the client set those fields (mass assignment). Default:
	// they are refused.
	InsecureUnknownProperties bool
}

// The parts of a request, as FieldError.In names them, in the order in which
// they are checked.
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

// New compiles the schemas of a Config, which is copied. The error joins every
// mistake of the Config, each a *[bulwark.ConfigError].
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
