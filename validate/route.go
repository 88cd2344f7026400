package validate

import (
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// unrouted returns an error for a request without any value that the schema of
// the path describes, if no such value could have come. Then no rule of the
// schema would ever be applied, and nobody would notice.
//
// One wildcard that is described is enough, because several routes may share a
// Config. A request without a pattern comes from a router that is not
// [http.ServeMux], or from outside the router.
func (p *parameters) unrouted(r *http.Request) error {
	if r.Pattern == "" {
		return &bulwark.ConfigError{Field: "validate.Config.PathValue",
			Reason: "is missing, and the request has no path value that Config.Path describes (" + p.names() + "); " +
				"set it to a function that reads the wildcards of your router, and put the layer inside the router"}
	}
	if fixed(r.Pattern) {
		return nil
	}
	for i := range p.list {
		if hasWildcard(r.Pattern, p.list[i].name) {
			return nil
		}
	}
	return &bulwark.ConfigError{Field: "validate.Config.Path", Value: p.names(),
		Reason: "describes no wildcard of the pattern " + r.Pattern + "; " +
			"use the names of its wildcards, or set validate.Config.PathValue if a router inside this pattern has the wildcards"}
}

// names returns the names of the parameters, for the log.
func (p *parameters) names() string {
	names := make([]string, len(p.list))
	for i := range p.list {
		names[i] = p.list[i].name
	}
	return strings.Join(names, ", ")
}

// fixed reports whether a pattern has neither wildcards nor a rest that another
// router may read.
func fixed(pattern string) bool {
	_, path, _ := strings.Cut(pattern, "/")
	whole, exact := strings.CutSuffix("/"+path, "/{$}")
	return !strings.ContainsAny(whole, "{:*") && (exact || !strings.HasSuffix(whole, "/"))
}

// hasWildcard reports whether a pattern has a wildcard of the name. It knows
// {name} and {name...} of [http.ServeMux], and of other routers {name:regexp},
// :name, *name and *.
func hasWildcard(pattern, name string) bool {
	if name == "" || name == "*" {
		return name == "*" && strings.HasSuffix(pattern, name)
	}
	for {
		before, after, found := strings.Cut(pattern, name)
		if !found {
			return false
		}
		if before != "" && strings.IndexByte("{:*", before[len(before)-1]) >= 0 &&
			(after == "" || strings.IndexByte("}:/.", after[0]) >= 0) {
			return true
		}
		pattern = after
	}
}
