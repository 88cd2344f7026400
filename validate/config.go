package validate

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says what a request may say. At least one schema is required; what
// has no schema is not looked at.
//
// Every schema is strict: objects have the properties that some schema
// describes and no others, unless it says "additionalProperties": true, and
// misspelled keywords, unknown formats, patterns that do not compile and
// defaults that their own schema refuses are errors at [New].
type Config struct {
	// Body describes the JSON body. A request without a body is then 400
	// "body.required".
	Body Schema
	// Query describes the query as an object: each parameter by its name, with
	// one declared type of string, integer, number, boolean, or array of these.
	// An array is written by repeating the parameter, or, with "x-explode":
	// false in its schema, as one parameter with commas. A default must be one
	// that the query can say: no comma in an item where they separate, no
	// number with an exponent.
	Query Schema
	// Path describes the wildcards of the route, declared as in Query, without
	// arrays. An empty one counts as missing.
	Path Schema
	// Header describes header fields, declared as in Query and named in any
	// case. An array is a list with commas (RFC 9110 section 5.6.1), whose
	// defaults have no commas and no white space around their items. Fields
	// that are not described are let through: browsers and proxies send what
	// they like.
	Header Schema

	// MaxBodyBytes is the size of the body. A larger body is 413
	// "body.too_large". Where another layer bounds the body as well, the
	// smaller bound counts. Default: 1 MiB.
	MaxBodyBytes int64
	// MediaTypes are the types of the body, in lower case and without
	// parameters: "application/json" or another that ends in "+json". Another
	// type is 415 "body.unsupported_media_type". Default: "application/json"
	// and "application/merge-patch+json" (RFC 7396).
	MediaTypes []string
	// BodyTimeout is how long the body may take to arrive. Later is 408
	// "body.timeout". Default: 30 seconds.
	BodyTimeout time.Duration
	// OptionalBody lets requests without a body through unchecked; [BodyAs]
	// then returns the zero value.
	OptionalBody bool
	// JSON bounds the document in the body. Beyond it a body is 400
	// "body.too_complex". Three of the bounds hold for queries and headers as
	// well, where beyond them is 400 "validate.too_complex": MaxKeys for the
	// number of query parameters, MaxItems for the elements of one list,
	// MaxNameBytes for the name of a query parameter.
	JSON bulwark.JSONLimits
	// MaxSteps is the work for each of body, query, path and header. Beyond it
	// a request is 400 "validate.too_complex". Default: 100,000.
	//
	// A step is a schema applied to a value, a property or item looked at, or a
	// value filled in as a default. Dearer work counts more: a pattern the
	// bytes of the string times the instructions of its compiled form, 512 of
	// them a step; uniqueItems every value within the items; a long default
	// each 32 bytes; a long string each 256.
	MaxSteps int
	// Formats are formats of your own, by name, next to email, uri, uuid,
	// date-time, date, ipv4, ipv6, hostname and byte, which cannot be replaced.
	// The functions must be safe for concurrent use.
	Formats map[string]func(string) bool
	// PathValue returns a wildcard of the route for routers that leave
	// r.PathValue empty.
	PathValue func(r *http.Request, name string) string
	// Status answers values that the schemas refuse: 422, the default (RFC 9110
	// section 15.5.21), or 400.
	Status int
	// MaxErrors is how many faults an answer lists, default 20, at most 100.
	MaxErrors int

	// InsecureUnknownProperties lets properties and query parameters through
	// that no schema describes. Whoever binds them to a struct or a database
	// row with more fields than the schema knows lets the client set those
	// (mass assignment).
	InsecureUnknownProperties bool
}

// parts of a request, as FieldError.In names them, in the order of their
// checking.
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

// New compiles the schemas. All errors are returned at once, each a
// *[bulwark.ConfigError].
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
