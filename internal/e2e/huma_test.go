package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

func TestHuma(t *testing.T) {
	try(t, service{
		open:    openHuma,
		noRoute: "service.no_route",
		routes: routes{
			health: "GET /health", document: "GET /documents/{id}", create: "POST /documents", admin: "GET /admin",
			vault: "GET /vault", batch: "POST /batch",
			unknown: "/", // for what no route matches is a route here
		},
	})
}

func openHuma(c *core) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", noRoute)
	config := huma.DefaultConfig("documents", "1")
	config.DocsPath, config.OpenAPIPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	api := humago.New(mux, config)
	behind := func(method, path string, layers ...bulwark.Layer) huma.Operation {
		op := huma.Operation{Method: method, Path: path, OperationID: method + path}
		for _, layer := range layers {
			op.Middlewares = append(op.Middlewares, humaLayer(layer))
		}
		return op
	}

	huma.Register(api, behind("GET", "/health"), func(context.Context, *struct{}) (*text, error) { return &text{"ok"}, nil })
	mux.Handle("GET /documents/{id}", c.object(c.documents)) // a plain handler beside huma's
	create := behind("POST", "/documents", c.behind(authz.Require("document:create:own"), newDocument()...))
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, func(ctx context.Context, in *titled) (*created, error) {
		return &created{c.keep(ctx, in.Body.Title)}, nil
	})
	huma.Register(api, behind("GET", "/admin", c.behind(authz.RequireRole("admin"))), func(context.Context, *struct{}) (*text, error) {
		return &text{"welcome"}, nil
	})
	huma.Register(api, behind("GET", "/vault", c.behind(authz.Authenticated(), vaultGuesses()...)), func(context.Context, *struct{}) (*text, error) {
		return nil, huma.Error403Forbidden("wrong combination")
	})
	huma.Register(api, behind("POST", "/batch", c.behind(authz.Authenticated(), newBatch()...)), func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(h huma.Context) {
			r, w := humago.Unwrap(h)
			result, err := c.runBatch(r)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			answer(w, http.StatusOK, result)
		}}, nil
	})
	return bulwark.RecordRoute(func(r *http.Request) string { return r.Pattern }).Wrap(mux)
}

type text struct{ Body string }

type titled struct {
	Body struct {
		Title string `json:"title"`
	}
}

type created struct{ Body *document }
