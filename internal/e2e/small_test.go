package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Layers are made once, and used with any router.
type Layers struct {
	Stack   *bulwark.Stack // around the router
	Members bulwark.Layer  // on the routes of verified callers
	Guesses bulwark.Layer  // on the login
}

func newLayers(log bulwark.Builder, tokens auth.Authenticator) (*Layers, error) {
	stack, err := bulwark.Chain(
		log, // audit.Config{Logger: logger}
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		headers.Config{},
		cors.Config{Origins: []string{"https://app.example.com"}, Methods: []string{"GET", "POST"}},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth.Config{Authenticators: []auth.Authenticator{tokens}, Optional: true},
	)
	if err != nil {
		return nil, err
	}
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own"}}},
	})
	if err != nil {
		return nil, err
	}
	members, err := authz.New(authz.Config{Policy: policy, Rule: authz.Authenticated()})
	if err != nil {
		return nil, err
	}
	guesses, err := ratelimit.New(ratelimit.Config{
		Name:  "guesses",
		Key:   ratelimit.ByIP,
		Rate:  "3/hour",
		Count: ratelimit.Failures,
	})
	if err != nil {
		return nil, err
	}
	return &Layers{stack, members, guesses}, nil
}

func chiService(l *Layers) http.Handler {
	router := chi.NewRouter()
	router.Use(bulwark.RecordRoute(func(r *http.Request) string {
		return chi.RouteContext(r.Context()).RoutePattern()
	}).Wrap)
	router.With(l.Members.Wrap).Get("/documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintln(w, caller.Subject, r.PathValue("id"))
	})
	router.With(l.Guesses.Wrap).Post("/login", checkPassword)
	return l.Stack.Wrap(router)
}

func checkPassword(w http.ResponseWriter, r *http.Request) {
	if !right(r) {
		http.Error(w, "wrong password", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "welcome")
}

func gorillaService(l *Layers) http.Handler {
	router := mux.NewRouter()
	router.Use(bulwark.RecordRoute(func(r *http.Request) string {
		template, _ := mux.CurrentRoute(r).GetPathTemplate()
		return template
	}).Wrap)
	router.Handle("/documents/{id}", l.Members.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintln(w, caller.Subject, mux.Vars(r)["id"])
	}))).Methods("GET")
	router.Handle("/login", l.Guesses.Wrap(http.HandlerFunc(checkPassword))).Methods("POST")
	return l.Stack.Wrap(router)
}

func ginService(l *Layers) http.Handler {
	router := gin.New()
	router.Use(ginRoute)
	router.GET("/documents/:id", ginLayer(l.Members), func(g *gin.Context) {
		caller, _ := bulwark.PrincipalFrom(g.Request.Context())
		g.String(http.StatusOK, "%s %s\n", caller.Subject, g.Param("id"))
	})
	router.POST("/login", ginLayer(l.Guesses), func(g *gin.Context) {
		if !right(g.Request) {
			g.String(http.StatusUnauthorized, "wrong password\n")
			return
		}
		g.String(http.StatusOK, "welcome\n")
	})
	return l.Stack.Wrap(router)
}

func echoService(l *Layers) http.Handler {
	router := echo.New()
	router.Use(echoRoute)
	router.GET("/documents/:id", func(e echo.Context) error {
		caller, _ := bulwark.PrincipalFrom(e.Request().Context())
		return e.String(http.StatusOK, caller.Subject+" "+e.Param("id")+"\n")
	}, echoLayer(l.Members))
	router.POST("/login", func(e echo.Context) error {
		if !right(e.Request()) {
			return echo.ErrUnauthorized
		}
		return e.String(http.StatusOK, "welcome\n")
	}, echoLayer(l.Guesses))
	return l.Stack.Wrap(router)
}

func humaService(l *Layers) http.Handler {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("documents", "1"))
	type answer struct{ Body string }
	huma.Register(api, huma.Operation{
		OperationID: "get-document", Method: "GET", Path: "/documents/{id}",
		Middlewares: huma.Middlewares{humaLayer(l.Members)},
	}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	}) (*answer, error) {
		caller, _ := bulwark.PrincipalFrom(ctx)
		return &answer{caller.Subject + " " + in.ID}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "login", Method: "POST", Path: "/login",
		Middlewares: huma.Middlewares{humaLayer(l.Guesses)},
	}, func(_ context.Context, in *struct {
		Password string `header:"Password"`
	}) (*answer, error) {
		if in.Password != "right" {
			return nil, huma.Error401Unauthorized("wrong password")
		}
		return &answer{"welcome"}, nil
	})
	router := bulwark.RecordRoute(func(r *http.Request) string { return r.Pattern }).Wrap(mux)
	return l.Stack.Wrap(router)
}

const smallUnknown = `HTTP/1.1 401 Unauthorized
Content-Type: application/problem+json
`

const smallTooMany = `HTTP/1.1 429 Too Many Requests
Content-Type: application/problem+json
Retry-After: 1200
`

// headOf is the beginning of an answer as the page shows it.
func headOf(w *httptest.ResponseRecorder, fields ...string) string {
	text := fmt.Sprintf("HTTP/1.1 %d %s\n", w.Code, http.StatusText(w.Code))
	for _, name := range fields {
		text += name + ": " + w.Header().Get(name) + "\n"
	}
	return text
}

// TestTheSmallServices asks each small service of the page the same.
func TestTheSmallServices(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	issuer := authtest.NewIssuer(t)
	for name, test := range map[string]struct {
		open            func(*Layers) http.Handler
		document, login string // the routes as the router spells them
	}{
		"chi":     {chiService, "/documents/{id}", "/login"},
		"gorilla": {gorillaService, "/documents/{id}", "/login"},
		"gin":     {ginService, "/documents/:id", "/login"},
		"echo":    {echoService, "/documents/:id", "/login"},
		"huma":    {humaService, "GET /documents/{id}", "POST /login"},
	} {
		t.Run(name, func(t *testing.T) {
			var events bulwarktest.Recorder
			layers, err := newLayers(&events, bulwark.Must(jwt.New(issuer.Config())))
			if err != nil {
				t.Fatal(err)
			}
			h := test.open(layers)
			ask := func(method, path string, fields ...string) *httptest.ResponseRecorder {
				r := httptest.NewRequest(method, "https://api.example.com"+path, nil)
				for i := 0; i < len(fields); i += 2 {
					r.Header.Set(fields[i], fields[i+1])
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				return w
			}
			refused := func(reason, route string) {
				t.Helper()
				got := events.Take()
				if len(got) != 1 || got[0].Reason != reason || got[0].Route != route {
					t.Errorf("events %+v, want one of %s on %s", got, reason, route)
				}
			}
			w := ask("GET", "/documents/7", "Authorization", "Bearer "+issuer.Token(nil))
			if w.Code != 200 || !strings.Contains(w.Body.String(), "alice 7") {
				t.Errorf("a document: %d %s", w.Code, w.Body)
			}
			events.Take()
			if got := headOf(ask("GET", "/documents/7"), "Content-Type"); got != smallUnknown {
				t.Errorf("a document for nobody: %s", got)
			}
			refused("authz.unauthenticated", test.document)

			for range 5 { // a right password counts for nothing
				if w := ask("POST", "/login", "Password", "right"); w.Code != 200 {
					t.Errorf("a login: %d %s", w.Code, w.Body)
				}
			}
			for range 3 {
				if w := ask("POST", "/login"); w.Code != 401 {
					t.Errorf("a wrong password: %d", w.Code)
				}
			}
			events.Take()
			if got := headOf(ask("POST", "/login"), "Content-Type", "Retry-After"); got != smallTooMany {
				t.Errorf("a fourth wrong password: %s", got)
			}
			refused("ratelimit.exceeded", test.login)

			w = ask("GET", "/nowhere")
			if w.Code != 404 || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("an unknown path: %d %v", w.Code, w.Header())
			}
			w = ask("OPTIONS", "/login", "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST")
			if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example.com" {
				t.Errorf("a preflight: %d %v", w.Code, w.Header())
			}
		})
	}
}
