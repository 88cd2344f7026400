package e2e

import (
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

func TestServeMux(t *testing.T) {
	try(t, service{
		open:    openServeMux,
		noRoute: "authz.no_route",
		routes: routes{
			health: "GET /health", document: "GET /documents/{id}", create: "POST /documents", admin: "GET /admin",
			vault: "GET /vault", batch: "POST /batch",
		},
	})
}

func openServeMux(c *core) http.Handler {
	mux := authz.NewMux(c.policy)
	c.closers = append(c.closers, mux)

	mux.Handle("GET /health", authz.Public("liveness"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("ok"))
	}))
	authz.HandleObject(mux, "GET /documents/{id}", c.documents.Can("read"), showDocument)
	mux.Handle("POST /documents", authz.Require("document:create:own"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := c.create(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		answer(w, http.StatusCreated, d)
	}), newDocument()...)
	mux.Handle("GET /admin", authz.RequireRole("admin"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("welcome"))
	}))
	mux.Handle("GET /vault", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "wrong combination", http.StatusForbidden)
	}), vaultGuesses()...)
	mux.Handle("POST /batch", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := c.runBatch(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		answer(w, http.StatusOK, result)
	}), newBatch()...)
	return mux
}
