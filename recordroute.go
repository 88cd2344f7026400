package bulwark

import "net/http"

// RecordRoute returns a layer that records the pattern of the matched route for
// the layers outside the router, whose copy of the request has none. Put it
// inside the router. It asks pattern before the handler runs and, for routers
// that know the whole pattern only then, again afterwards.
//
// An [http.ServeMux] alone needs no RecordRoute for its events, and a mux of
// package authz records its routes itself. chi sets [http.Request.Pattern]
// inside:
//
//	router.Use(bulwark.RecordRoute(func(r *http.Request) string {
//		return r.Pattern
//	}).Wrap)
//
// docs/routers.md has the lines for gorilla/mux, gin, echo and huma. gin and
// echo keep the pattern in a context of their own. A middleware of theirs
// records it with [Scope.SetRoute]:
//
//	_, scope := bulwark.Enter(c.Request)
//	scope.SetRoute(c.FullPath())
func RecordRoute(pattern func(*http.Request) string) Layer {
	return LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, s := Enter(r)
			record := func() {
				if p := pattern(r); p != "" {
					s.SetRoute(p)
				}
			}
			record()
			defer record()
			next.ServeHTTP(w, r)
		})
	})
}
