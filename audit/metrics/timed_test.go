package metrics_test

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// nothing is a layer that does nothing.
var nothing = bulwark.LayerFunc(func(next http.Handler) http.Handler { return next })
