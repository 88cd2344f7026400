package validate

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/schema"
)

type builder struct {
	config  Config
	formats map[string]func(string) bool // of the Config that can be used
	faults  *fault.List
}

func (b *builder) build() *Middleware {
	c := &b.config
	m := &Middleware{
		limits:   body.Config{Source: "validate.Config", MaxBodyBytes: c.MaxBodyBytes, BodyTimeout: c.BodyTimeout, MediaTypes: c.MediaTypes, JSON: c.JSON}.Limits(b.faults),
		bindings: map[string]*binding{},
		ready:    true, optional: c.OptionalBody, open: c.InsecureUnknownProperties, pathValue: c.PathValue,
		status:    or(c.Status, http.StatusUnprocessableEntity),
		maxErrors: or(c.MaxErrors, defaultMaxErrors),
		maxSteps:  or(c.MaxSteps, defaultSteps),
	}
	bounds := m.limits.JSON.WithDefaults()
	m.maxParams, m.maxItems, m.maxName = bounds.Keys, bounds.Items, bounds.Name
	if m.pathValue == nil {
		m.pathValue, m.routed = (*http.Request).PathValue, true
	}
	b.checkNumbers(m)
	b.checkFormats()
	b.checkSchemes()
	m.body, _ = b.schema("Body", c.Body)
	m.bindings[inBody] = &binding{schema: m.body}
	for _, part := range [...]struct {
		field string
		in    string
		to    **parameters
		from  Schema
	}{{"Query", inQuery, &m.query, c.Query}, {"Path", inPath, &m.path, c.Path}, {"Header", inHeader, &m.header, c.Header}} {
		if n, sound := b.schema(part.field, part.from); n != nil {
			p, faults := parametersOf(n, part.in, sound)
			for _, reason := range faults {
				b.faults.Add(part.field, "", reason)
			}
			*part.to = p
			m.bindings[part.in] = &binding{schema: n}
		}
	}
	if !c.Body.set && !c.Query.set && !c.Path.set && !c.Header.set {
		b.faults.Add("Body", "", "is empty, and so are Query, Path and Header; give at least one of them a schema, such as validate.SchemaJSON(`{\"type\": \"object\"}`)")
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
		field     string
		value     int
		otherwise string
	}{{"MaxErrors", c.MaxErrors, "20"}, {"MaxSteps", c.MaxSteps, "100,000"}} {
		if n.value < 0 {
			b.faults.Add(n.field, strconv.Itoa(n.value), "is negative; write a positive number, or leave it out for the default of "+n.otherwise)
		}
	}
	if m.maxErrors > mostErrors {
		b.faults.Add("MaxErrors", strconv.Itoa(c.MaxErrors), fmt.Sprintf("is more than %d; write a number up to %[1]d", mostErrors))
	}
	if m.status != http.StatusUnprocessableEntity && m.status != http.StatusBadRequest {
		b.faults.Add("Status", strconv.Itoa(c.Status), "is not a status for refused values; write 422 or 400")
	}
	if !c.Body.set && (len(c.MediaTypes) > 0 || c.OptionalBody) {
		b.faults.Add("Body", "", "is empty, so that MediaTypes and OptionalBody mean nothing; give Body a schema, or leave them out")
	}
	if !c.Body.set && !c.Query.set && c.MaxBodyBytes != 0 {
		b.faults.Add("Body", "", "is empty, and so is Query, so that MaxBodyBytes means nothing; give one of them a schema, or leave MaxBodyBytes out")
	}
}

func (b *builder) checkFormats() {
	b.formats = map[string]func(string) bool{}
	for _, name := range slices.Sorted(maps.Keys(b.config.Formats)) {
		accepts := b.config.Formats[name]
		switch {
		case name == "":
			b.faults.Add("Formats", "", "has a format without a name; write the name that schemas use for it")
		case accepts == nil:
			b.faults.Add("Formats", name, "has no function; write one that reports whether a string has this format")
		default:
			b.formats[name] = accepts
		}
	}
}

func (b *builder) checkSchemes() {
	for i, scheme := range b.config.URISchemes {
		if !isScheme(scheme) {
			b.faults.AddAt("URISchemes", i, scheme, `is not the scheme of a URI; write it in lower case and without a colon, such as "https"`)
		}
	}
}

// isScheme is RFC 3986, section 3.1, in lower case.
func isScheme(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// schema compiles one schema, and reports whether the schema is sound. It
// returns nil if there is no schema, or if its mistakes leave nothing to ask.
func (b *builder) schema(field string, s Schema) (compiled *schema.Schema, sound bool) {
	if !s.set {
		return nil, false
	}
	text, err := s.read()
	if err != nil {
		b.faults.Add(field, s.name, err.Error())
		return nil, false
	}
	compiled, err = schema.Compile(schema.Source{URL: s.url(field), Text: text, Load: s.load},
		schema.Options{Formats: b.formats, MaxSteps: or(b.config.MaxSteps, defaultSteps), Open: b.config.InsecureUnknownProperties, URISchemes: b.config.URISchemes, Request: true,
			DescriptiveDefaults: b.config.DescriptiveDefaults})
	if err == nil {
		return compiled, true
	}
	for _, reason := range reasons(err) {
		b.faults.Add(field, "", reason.Error())
	}
	return compiled, false
}

// reasons takes a joined error apart.
func reasons(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
