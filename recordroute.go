package bulwark

import "net/http"

// RecordRoute returns a layer that records the pattern of the matched route,
// for routers that do not set [http.Request.Pattern]. Put it inside the router;
// it asks pattern before the handler runs and, for routers that know the whole
// pattern only then, again afterwards.
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
