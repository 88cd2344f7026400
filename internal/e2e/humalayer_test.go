package e2e

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bulwark-go/bulwark"
)

// humaLayer makes a huma middleware from a layer, or from a Stack of several
// layers, for an API on an http.ServeMux. The other adapters of huma have the
// same two functions, Unwrap and NewContext.
func humaLayer(layer bulwark.Layer) func(huma.Context, func(huma.Context)) {
	return func(h huma.Context, next func(huma.Context)) {
		outerRequest, outerWriter := humago.Unwrap(h)
		layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next(humago.NewContext(h.Operation(), r, w))
		})).ServeHTTP(outerWriter, outerRequest.WithContext(h.Context()))
	}
}
