package schema

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// mistake says what is wrong at a place in a schema document, and what to write
// instead.
func mistake(url, pointer, format string, args ...any) error {
	if pointer == "" {
		pointer = "/"
	}
	return fmt.Errorf("%s at %s "+format, append([]any{documentName(url), pointer}, args...)...)
}

// mistake is a mistake in n; suffix is the keyword.
func (n *node) mistake(suffix, format string, args ...any) error {
	return mistake(n.url, n.pointer+suffix, format, args...)
}

// documentName is the name of a document as the author of the schema knows it.
func documentName(location string) string {
	name := strings.TrimPrefix(location, Base)
	if unescaped, err := url.PathUnescape(name); err == nil {
		return unescaped
	}
	return name
}

// notJSON says where a schema document is not JSON.
func notJSON(url, text string, err error) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf(`%s is empty; write a JSON Schema, such as {"type": "object"}`, documentName(url))
	}
	before := text
	var fault *jsondoc.Error
	if errors.As(err, &fault) {
		before = text[:min(fault.Offset, len(text))]
	}
	line := 1 + strings.Count(before, "\n")
	column := len(before) - strings.LastIndexByte(before, '\n')
	return fmt.Errorf("%s is not strict JSON: %w (line %d, column %d)",
		documentName(url), err, line, column)
}

// notLoaded says which $ref leads to a document that is not there.
func (c *compiler) notLoaded(url string, err error) error {
	for _, r := range c.references() {
		if document, _, _ := strings.Cut(r.target, "#"); document == url {
			return mistake(r.url, r.pointer, "leads to %q, which %w", documentName(url), err)
		}
	}
	return fmt.Errorf("a schema leads to %q, which %w", documentName(url), err)
}

// reference is a $ref or $dynamicRef in a schema document.
type reference struct {
	url, pointer string // of the keyword
	target       string // what it leads to, resolved
}

// references returns all references in the documents, in a fixed order.
func (c *compiler) references() []reference {
	var all []reference
	seen := map[*document]bool{}
	for _, key := range slices.Sorted(maps.Keys(c.documents)) {
		d := c.documents[key]
		if seen[d] {
			continue
		}
		seen[d] = true
		eachSchema(d.doc, "", func(schema map[string]any, pointer string) {
			base := d.url
			if home, ok := lookUp(d.doc, homeOf(d.doc, pointer)).(map[string]any); ok {
				if id, ok := home["$id"].(string); ok {
					base = resolve(base, id)
				}
			}
			for _, keyword := range [...]string{"$ref", "$dynamicRef"} {
				if ref, ok := schema[keyword].(string); ok {
					all = append(all, reference{d.url, pointer + "/" + keyword, resolve(base, ref)})
				}
			}
		})
	}
	return all
}

// nowhere says which references lead to a place that is not there.
func (c *compiler) nowhere() error {
	var errs []error
	for _, r := range c.references() {
		if c.leadsNowhere(r) {
			document, fragment, _ := strings.Cut(r.target, "#")
			errs = append(errs, mistake(r.url, r.pointer, "leads to %q, which is not in %s; add it under $defs, or correct the reference", "#"+fragment, documentName(document)))
		}
	}
	return errors.Join(errs...)
}

// leadsNowhere reports whether the document that a reference leads to is there,
// and the place in it is not.
func (c *compiler) leadsNowhere(r reference) bool {
	url, fragment := splitLocation(r.target)
	d := c.documents[url]
	if d == nil || fragment == "" {
		return false
	}
	if strings.HasPrefix(fragment, "/") {
		return lookUp(d.doc, fragment) == nil
	}
	found := false
	eachSchema(d.doc, "", func(schema map[string]any, _ string) {
		found = found || schema["$anchor"] == fragment || schema["$dynamicAnchor"] == fragment
	})
	return !found
}
