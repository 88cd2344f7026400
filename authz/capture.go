package authz

import (
	"net/http"
	"strings"
)

// A capture stands before the real writer while ServeMux looks for a route, and
// swallows what ServeMux answers by itself.
type capture struct {
	inner      http.ResponseWriter
	dispatched bool
	header     http.Header
}

// Header returns a header that goes nowhere.
func (c *capture) Header() http.Header {
	if c.header == nil {
		c.header = http.Header{}
	}
	return c.header
}

// Write swallows p.
func (c *capture) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader does nothing.
func (c *capture) WriteHeader(int) {}

// allow returns the methods that ServeMux would allow.
func (c *capture) allow() []string {
	if allow := c.header.Get("Allow"); allow != "" {
		return strings.Split(allow, ", ")
	}
	return nil
}
