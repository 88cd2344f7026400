package validate

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// A Config says what a request may say. At least one schema is required; what has no schema is not looked at.
//
// Every schema is strict: objects have the properties that some schema describes and no others, unless it says
// "additionalProperties": true, and misspelled keywords, unknown formats, patterns that do not compile and defaults that their own
// schema refuses are errors at [New].
type Config struct {
	// Body describes the JSON body. A request without a body is then 400 "body.required".
	Body Schema
	// Query describes the query as an object: each parameter by its name, with one declared type of string, integer, number, boolean,
	// or array of these. An array is written by repeating the parameter, or, with "x-explode": false in its schema, as one parameter
	// with commas. A default must be one that the query can say: no comma in an item where they separate, no number with an exponent.
	Query Schema
	// Path describes the wildcards of the route, declared as in Query, without arrays. An empty one counts as missing.
	Path Schema
	// Header describes header fields, declared as in Query and named in any case. An array is a list with commas (RFC 9110 section
	// 5.6.1), whose defaults have no commas and no white space around their items. Fields that are not described are let through:
	// browsers and proxies send what they like.
	Header Schema

	// MaxBody is the size of the body in bytes, default 1 MiB. Larger ones are 413.
	MaxBody int64
	// MediaTypes are the types of the body, default "application/json". Only JSON types make sense: "application/merge-patch+json"
	// (RFC 7396) does, "text/plain" does not.
	MediaTypes []string
	// BodyTimeout is how long the body may take to arrive, default 30 s.
	BodyTimeout time.Duration
	// OptionalBody lets requests without a body through unchecked; [BodyAs] then returns the zero value.
	OptionalBody bool
	// Limits bounds what a document may hold.
	Limits Limits
	// Formats are formats of your own, by name, next to email, uri, uuid, date-time, date, ipv4, ipv6, hostname and byte, which cannot
	// be replaced. The functions must be safe for concurrent use.
	Formats map[string]func(string) bool
	// PathValue returns a wildcard of the route for routers that leave r.PathValue empty.
	PathValue func(r *http.Request, name string) string
	// Status answers values that the schemas refuse: 422, the default (RFC 9110 section 15.5.21), or 400.
	Status int
	// MaxErrors is how many faults an answer lists, default 20, at most 100.
	MaxErrors int

	// InsecureUnknownProperties lets properties and query parameters through that no schema describes. Whoever binds them to a struct
	// or a database row with more fields than the schema knows lets the client set those (mass assignment).
	InsecureUnknownProperties bool
}

// Limits bounds a JSON document and the work that checking it may take. Beyond them a request is 400. A field that is zero stands for
// its default.
type Limits struct {
	Depth  int // nesting of arrays and objects, default 32
	Keys   int // object members, and query parameters, in all; default 1,000
	Items  int // elements of one array, default 1,000
	Values int // values of every kind in all, default 10,000
	String int // bytes of one string, default MaxBody
	Name   int // bytes of one property name, or name of a query parameter; default 1,024, at most String

	// Steps is the work for each of body, query, path and header, default 100,000. A step is a schema applied to a value, a property or
	// item looked at, or a value filled in as a default. Dearer work counts more: a pattern the bytes of the string times the
	// instructions of its compiled form, 512 of them a step; uniqueItems every value within the items; a long default each 32 bytes; a
	// long string each 256.
	Steps int
}

// parts of a request, as FieldError.In names them, in the order of their checking.
const (
	inPath   = "path"
	inHeader = "header"
	inQuery  = "query"
	inBody   = "body"
)

const (
	defaultSteps     = 100_000
	defaultKeys      = 1_000
	defaultName      = 1_024
	defaultMaxErrors = 20
	mostErrors       = 100
)

// New compiles the schemas. All errors are returned at once, each a *[bulwark.ConfigError].
func New(config Config) (*Middleware, error) {
	b := builder{config: config}
	m := b.build()
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return m, nil
}

// Build is [New] for [bulwark.Chain].
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

type builder struct {
	config  Config
	formats map[string]func(string) bool // of the Config that can be used
	errs    []error
}

func (b *builder) wrong(field, value, reason string) {
	b.errs = append(b.errs, &bulwark.ConfigError{Field: "validate." + field, Value: value, Reason: reason})
}

func (b *builder) build() *Middleware {
	c := &b.config
	m := &Middleware{
		limits: body.Limits{Max: c.MaxBody, MediaTypes: slices.Clone(c.MediaTypes), Timeout: c.BodyTimeout, JSON: jsondoc.Limits{
			Depth: c.Limits.Depth, Keys: c.Limits.Keys, Items: c.Limits.Items, Values: c.Limits.Values, String: c.Limits.String, Name: c.Limits.Name}},
		ready: true, optional: c.OptionalBody, pathValue: c.PathValue,
		status:    or(c.Status, http.StatusUnprocessableEntity),
		maxErrors: or(c.MaxErrors, defaultMaxErrors),
		maxParams: or(c.Limits.Keys, defaultKeys),
		maxItems:  or(c.Limits.Items, defaultKeys),
		maxName:   or(c.Limits.Name, defaultName),
	}
	if m.pathValue == nil {
		m.pathValue = (*http.Request).PathValue
	}
	b.checkNumbers(m)
	b.checkFormats()
	m.body = b.schema("Body", c.Body)
	for _, part := range [...]struct {
		field string
		in    string
		to    **parameters
		from  Schema
	}{{"Query", inQuery, &m.query, c.Query}, {"Path", inPath, &m.path, c.Path}, {"Header", inHeader, &m.header, c.Header}} {
		if n := b.schema(part.field, part.from); n != nil {
			p, faults := parametersOf(n, part.in)
			for _, fault := range faults {
				b.wrong(part.field, "", fault)
			}
			*part.to = p
		}
	}
	if !c.Body.set && !c.Query.set && !c.Path.set && !c.Header.set {
		b.wrong("Body", "", "is empty, and so are Query, Path and Header; give at least one of them a schema")
	}
	return m
}

func or(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

func (b *builder) checkNumbers(m *Middleware) {
	c := &b.config
	for _, n := range [...]struct {
		field string
		value int64
	}{
		{"MaxBody", c.MaxBody}, {"BodyTimeout", int64(c.BodyTimeout)}, {"MaxErrors", int64(c.MaxErrors)}, {"Limits.Depth", int64(c.Limits.Depth)},
		{"Limits.Keys", int64(c.Limits.Keys)}, {"Limits.Items", int64(c.Limits.Items)}, {"Limits.Values", int64(c.Limits.Values)},
		{"Limits.String", int64(c.Limits.String)}, {"Limits.Name", int64(c.Limits.Name)}, {"Limits.Steps", int64(c.Limits.Steps)},
	} {
		if n.value < 0 {
			b.wrong(n.field, strconv.FormatInt(n.value, 10), "is negative; leave it out for the default")
		}
	}
	if m.maxErrors > mostErrors {
		b.wrong("MaxErrors", strconv.Itoa(c.MaxErrors), fmt.Sprintf("is more than %d", mostErrors))
	}
	if m.status != http.StatusUnprocessableEntity && m.status != http.StatusBadRequest {
		b.wrong("Status", strconv.Itoa(c.Status), "must be 422 or 400")
	}
	for i, mediaType := range c.MediaTypes {
		if !body.IsJSON(mediaType) {
			b.wrong(fmt.Sprintf("MediaTypes[%d]", i), mediaType, `is no JSON type; write "application/json" or one that ends in "+json", in lower case and without parameters`)
		}
	}
	if !c.Body.set && (c.MaxBody != 0 || len(c.MediaTypes) > 0 || c.OptionalBody) {
		b.wrong("Body", "", "is empty, so that MaxBody, MediaTypes and OptionalBody mean nothing")
	}
}

func (b *builder) checkFormats() {
	b.formats = map[string]func(string) bool{}
	for _, name := range slices.Sorted(maps.Keys(b.config.Formats)) {
		accepts := b.config.Formats[name]
		switch {
		case schema.IsBuiltIn(name):
			b.wrong("Formats", name, "is built in and cannot be replaced; choose another name")
		case name == "" || accepts == nil:
			b.wrong("Formats", name, "needs a name and a function")
		default:
			b.formats[name] = accepts
		}
	}
}

// schema compiles one schema, and returns nil if there is none or it is wrong.
func (b *builder) schema(field string, s Schema) *schema.Schema {
	if !s.set {
		return nil
	}
	text, err := s.read()
	if err != nil {
		b.wrong(field, s.name, "cannot be read: "+err.Error())
		return nil
	}
	compiled, err := schema.Compile(schema.Source{URL: s.url(field), Text: text, Load: s.load},
		schema.Options{Formats: b.formats, MaxSteps: or(b.config.Limits.Steps, defaultSteps), Open: b.config.InsecureUnknownProperties})
	if err == nil {
		return compiled
	}
	for _, reason := range reasons(err) {
		b.wrong(field, s.name, reason.Error())
	}
	return nil
}

// reasons takes a joined error apart.
func reasons(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
