package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

func TestChi(t *testing.T) {
	try(t, service{
		open:    openChi,
		noRoute: "service.no_route",
		routes: routes{
			health: "GET /health", document: "GET /documents/{id}", create: "POST /documents", admin: "GET /admin",
			vault: "GET /vault", batch: "POST /batch",
		},
	})
}

func openChi(c *core) http.Handler {
	router := chi.NewRouter()
	router.NotFound(noRoute)
	// chi sets Request.Pattern without the method, so the route is looked up.
	router.Use(bulwark.RecordRoute(func(r *http.Request) string {
		return routeOf(r, router.Find(chi.NewRouteContext(), r.Method, r.URL.Path))
	}).Wrap)

	router.Get("/health", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	router.Method("GET", "/documents/{id}", c.object(c.documents)) // chi sets PathValue
	router.With(c.behind(authz.Require("document:create:own"), newDocument()...).Wrap).
		Post("/documents", func(w http.ResponseWriter, r *http.Request) {
			d, err := c.create(r)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			answer(w, http.StatusCreated, d)
		})
	router.With(c.behind(authz.RequireRole("admin")).Wrap).
		Get("/admin", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("welcome")) })
	router.With(c.behind(authz.Authenticated(), vaultGuesses()...).Wrap).
		Get("/vault", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "wrong combination", http.StatusForbidden)
		})
	router.With(c.behind(authz.Authenticated(), newBatch()...).Wrap).
		Post("/batch", func(w http.ResponseWriter, r *http.Request) {
			// chi takes a request whose context has a routing context for one of a
			// mounted router: each part would be routed with the method of the batch,
			// in a routing context that parallel parts share.
			r = r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, nil))
			result, err := c.runBatch(r)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			answer(w, http.StatusOK, result)
		})
	return router
}
