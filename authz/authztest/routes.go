package authztest

import (
	"strings"

	"github.com/bulwark-go/bulwark/authz"
)

// Routes returns the routes of mux as [Golden] writes them, one line for each
// route.
func Routes(mux *authz.Mux) string {
	var b strings.Builder
	for _, route := range mux.Routes() {
		b.WriteString(route.Method + " " + route.Pattern + " | " + route.Rule + " | ")
		switch {
		case route.Public:
			b.WriteString("everybody")
		case len(route.Roles) == 0:
			b.WriteString("nobody")
		case route.Roles[0] == "*":
			b.WriteString("every caller")
		default:
			b.WriteString(strings.Join(route.Roles, ", "))
		}
		if route.Weak != "" {
			b.WriteString(" | weak: " + route.Weak)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
