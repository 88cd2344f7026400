package cors

import (
	"net/http"

	rscors "github.com/rs/cors"
)

// protocol is the part of CORS that rs/cors decides: preflights. Only this file
// knows rs/cors. For an actual request rs/cors would set three headers by the
// same lists. The layer sets them itself, once, and in slices of the response.
type protocol struct{ cors *rscors.Cors }

// newProtocol passes the checked lists to rs/cors, and leaves no default and no
// wildcard of rs/cors in use. The lists are never empty. This package matches
// the origins, except for the plain *, which has to be answered with a *.
func newProtocol(c Config, list *origins, methods []string) protocol {
	options := rscors.Options{
		AllowedMethods:     methods,
		AllowedHeaders:     append([]string{""}, c.Headers...), // a name that nobody can send
		AllowCredentials:   c.Credentials,
		MaxAge:             seconds(c.MaxAge),
		OptionsPassthrough: true,
	}
	if list.any {
		options.AllowedOrigins = []string{"*"}
	} else {
		options.AllowOriginVaryRequestFunc = func(_ *http.Request, origin string) (bool, []string) {
			return list.allows(origin), nil
		}
	}
	return protocol{rscors.New(options)}
}

// around sets the headers of a preflight that is allowed, and Vary, and calls
// next in every case.
func (p protocol) around(next http.Handler) http.Handler { return p.cors.Handler(next) }
