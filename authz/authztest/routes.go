package authztest

import (
	"math"
	"strings"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/logtext"
)

// Routes returns the routes of mux as [Golden] writes them, one line for each
// route. A character that does not print, such as a line break in the reason of
// [authz.Public], is written as an escape, so that no text can look like the
// line of another route.
func Routes(mux *authz.Mux) string {
	var b strings.Builder
	for _, route := range mux.Routes() {
		b.WriteString(logtext.Again(line(route), math.MaxInt) + "\n")
	}
	return b.String()
}

// line describes one route.
func line(route authz.Route) string {
	text := name(route) + " | " + route.Rule + " | "
	switch {
	case route.Public:
		text += "everybody"
	case len(route.Roles) == 0:
		text += "nobody"
	case route.Roles[0] == "*":
		text += "every caller"
	default:
		text += strings.Join(route.Roles, ", ")
	}
	if route.Weak != "" {
		text += " | weak: " + route.Weak
	}
	return text
}
