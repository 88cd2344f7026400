package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
)

// TestWhereHandlersFindTheCaller asks as handlers of each router do, with auth
// around the router and with auth as a layer of the route.
func TestWhereHandlersFindTheCaller(t *testing.T) {
	auth := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, _ = bulwark.Identify(r, &bulwark.Principal{Issuer: "test", Subject: "alice"})
			next.ServeHTTP(w, r)
		})
	})
	nothing := bulwark.LayerFunc(func(next http.Handler) http.Handler { return next })
	var found string
	ask := func(ctx context.Context) { found = subject(ctx) }
	handler := func(_ http.ResponseWriter, r *http.Request) { ask(r.Context()) }
	ginRouter := func(l bulwark.Layer, h gin.HandlerFunc, fallback bool) http.Handler {
		router := newGin()
		router.ContextWithFallback = fallback
		router.GET("/", ginLayer(l), h)
		return router
	}
	for name, test := range map[string]struct {
		open func(l bulwark.Layer) http.Handler // with the layer on the route
		want string
	}{
		"servemux": {func(l bulwark.Layer) http.Handler {
			router := http.NewServeMux()
			router.Handle("GET /", l.Wrap(http.HandlerFunc(handler)))
			return router
		}, "alice"},
		"chi": {func(l bulwark.Layer) http.Handler {
			router := chi.NewRouter()
			router.With(l.Wrap).Get("/", handler)
			return router
		}, "alice"},
		"gorilla": {func(l bulwark.Layer) http.Handler {
			router := mux.NewRouter()
			router.Handle("/", l.Wrap(http.HandlerFunc(handler)))
			return router
		}, "alice"},
		"echo": {func(l bulwark.Layer) http.Handler {
			router := echo.New()
			router.GET("/", func(e echo.Context) error { ask(e.Request().Context()); return nil }, echoLayer(l))
			return router
		}, "alice"},
		"huma": {func(l bulwark.Layer) http.Handler {
			router := http.NewServeMux()
			huma.Register(humago.New(router, huma.DefaultConfig("callers", "1")), huma.Operation{Method: "GET", Path: "/", OperationID: "x",
				Middlewares: huma.Middlewares{humaLayer(l)}}, func(ctx context.Context, _ *struct{}) (*text, error) {
				ask(ctx)
				return &text{}, nil
			})
			return router
		}, "alice"},
		"gin-request": {func(l bulwark.Layer) http.Handler {
			return ginRouter(l, func(g *gin.Context) { ask(g.Request.Context()) }, false)
		}, "alice"},
		"gin-context": {func(l bulwark.Layer) http.Handler {
			return ginRouter(l, func(g *gin.Context) { ask(g) }, false)
		}, ""},
		"gin-context-with-fallback": {func(l bulwark.Layer) http.Handler {
			return ginRouter(l, func(g *gin.Context) { ask(g) }, true)
		}, "alice"},
	} {
		for place, h := range map[string]http.Handler{"around": auth.Wrap(test.open(nothing)), "route": test.open(auth)} {
			found = "nobody was asked"
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			if found != test.want {
				t.Errorf("%s, auth %s: the caller is %q, want %q", name, place, found, test.want)
			}
		}
	}
}
