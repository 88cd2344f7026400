package authz

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// layer is a compiled RouteConfig.
type layer struct{ gate }

func (l layer) Build() (bulwark.Layer, error) { return l, nil }
func (l layer) Kind() bulwark.Kind            { return bulwark.KindAuthz }

// Wrap puts the rule in front of next.
func (l layer) Wrap(next http.Handler) http.Handler {
	return &guest{next: &ruled{l.gate, next}}
}
