package authz

import (
	"context"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/shutdown"
)

// A Handler is an [http.Handler] and a [bulwark.Shutdowner], made by [Object]
// or [Guard]. It is safe for concurrent use. The zero and the nil Handler
// answer 500 "authz.unconfigured".
type Handler struct {
	next    http.Handler
	closers closers
}

// ServeHTTP decides about the request and serves it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h == nil || h.next == nil {
		bulwark.Deny(w, r, fault.Unmade("authz.Handler", "Object or Guard"))
		return
	}
	h.next.ServeHTTP(w, r)
}

// Shutdown closes what the Handler holds: the layers of an [Object], or the
// handlers behind a [Guard]. See [Mux.Shutdown] for the order and the time.
func (h *Handler) Shutdown(ctx context.Context) error {
	if h == nil {
		return nil
	}
	return shutdown.All(ctx, h.closers...)
}

// closers are what must be closed, in that order, each once.
type closers []bulwark.Shutdowner

// add adds the Shutdowners of one route, innermost first: its handler, then its
// layers.
func (c *closers) add(h http.Handler, stack *bulwark.Stack) {
	c.one(h)
	layers := stack.Layers()
	for i := len(layers) - 1; i >= 0; i-- {
		c.one(layers[i])
	}
}

// one adds v if it is a Shutdowner that is not there yet.
func (c *closers) one(v any) {
	closer, ok := v.(bulwark.Shutdowner)
	if !ok {
		return
	}
	for _, other := range *c {
		if same(other, closer) {
			return
		}
	}
	*c = append(*c, closer)
}
