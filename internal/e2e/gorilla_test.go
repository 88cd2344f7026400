package e2e

import (
	"net/http"
	"testing"

	"github.com/gorilla/mux"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

func TestGorilla(t *testing.T) {
	try(t, service{
		open:    openGorilla,
		noRoute: "service.no_route",
		routes: routes{
			health: "GET /health", document: "GET /documents/{id}", create: "POST /documents", admin: "GET /admin",
			vault: "GET /vault", batch: "POST /batch",
		},
	})
}

func openGorilla(c *core) http.Handler {
	router := mux.NewRouter()
	router.NotFoundHandler = http.HandlerFunc(noRoute)
	router.Use(bulwark.RecordRoute(func(r *http.Request) string {
		template, _ := mux.CurrentRoute(r).GetPathTemplate()
		return routeOf(r, template)
	}).Wrap)

	documents := c.documents
	documents.PathValue = func(r *http.Request, name string) string { return mux.Vars(r)[name] }

	router.Methods("GET").Path("/health").HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	router.Methods("GET").Path("/documents/{id}").Handler(c.object(documents))
	router.Methods("POST").Path("/documents").Handler(c.behind(authz.Require("document:create:own"), newDocument()...).
		Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d, err := c.create(r)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			answer(w, http.StatusCreated, d)
		})))
	router.Methods("GET").Path("/admin").Handler(c.behind(authz.RequireRole("admin")).
		Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("welcome")) })))
	router.Methods("GET").Path("/vault").Handler(c.behind(authz.Authenticated(), vaultGuesses()...).
		Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "wrong combination", http.StatusForbidden)
		})))
	router.Methods("POST").Path("/batch").Handler(c.behind(authz.Authenticated(), newBatch()...).
		Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			result, err := c.runBatch(r)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			answer(w, http.StatusOK, result)
		})))
	return router
}
