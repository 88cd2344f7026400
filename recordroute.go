package bulwark

import "net/http"

// RecordRoute returns a layer that records the pattern of the matched route.
// The layers outside a router need it, because their copy of the request does
// not have the pattern. Put the layer inside the router, or around the stack if
// pattern can ask the router. Record the method and the pattern, as package
// authz does. With chi, which sets [http.Request.Pattern]:
//
//	router.Use(bulwark.RecordRoute(func(r *http.Request) string {
//		return r.Method + " " + r.Pattern
//	}).Wrap)
//
// An event of a handler in an [http.ServeMux] has the pattern without
// RecordRoute. A mux of package authz records its routes itself.
//
// The layer calls pattern before the handler, and again after the handler: some
// routers know the whole pattern only then. An empty result records nothing.
//
// docs/routers.md has the lines for gorilla/mux, gin, echo and huma. A
// middleware of gin or echo uses [Scope.SetRoute], because these routers keep
// the pattern in their own context:
//
//	_, scope := bulwark.Enter(c.Request)
//	scope.SetRoute(c.Request.Method + " " + c.FullPath())
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
