package validate

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

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
