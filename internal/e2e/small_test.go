package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	Stack     *bulwark.Stack // around the router
	Members   bulwark.Layer  // on the routes of verified callers
	Guesses   bulwark.Layer  // on the login
	Policy    *authz.Policy
	Documents authz.Resource[*Document]
}

// A Document belongs to the caller who made it.
type Document struct{ ID, Org, Text, Issuer, Subject string }

// A Finder finds a document in the database.
type Finder func(ctx context.Context, org, id string) (*Document, error)

func newLayers(log bulwark.Builder, tokens auth.Authenticator, find Finder) (*Layers, error) {
	stack, err := bulwark.Chain(
		log, // audit.Config{Logger: logger}
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		headers.Config{},
		cors.Config{
			Origins: []string{"https://app.example.com"},
			Methods: []string{"GET", "POST"},
			Headers: []string{"Authorization", "Content-Type"},
		},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth.Config{Authenticators: []auth.Authenticator{tokens}, Optional: true},
	)
	if err != nil {
		return nil, err
	}
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:create:own", "document:read:own"}}},
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
	documents := authz.Resource[*Document]{
		Name: "document",
		Load: func(ctx context.Context, r *http.Request) (*Document, error) {
			return find(ctx, r.PathValue("org"), r.PathValue("id"))
		},
		Owner: func(d *Document) (issuer, subject string) { return d.Issuer, d.Subject },
	}
	return &Layers{stack, members, guesses, policy, documents}, nil
}

// The refusals of the service. bulwark.Deny answers them and reports an event.
var (
	noSuchRoute = &bulwark.Problem{Status: http.StatusNotFound, Code: "service.no_route",
		Detail: "There is nothing at this path."}
	noSuchMethod = &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "service.no_method",
		Detail: "This path does not have this method. The Allow header has the methods of the path."}
	wrongPassword = &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.wrong_password",
		Detail: "The password is wrong.", Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}}
)

// refuseRoute refuses a request that no route serves. The function serves
// reports whether the path has a route for a method.
func refuseRoute(w http.ResponseWriter, r *http.Request, serves func(method string) bool) {
	var allowed []string
	for _, method := range []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"} {
		if serves(method) {
			allowed = append(allowed, method)
		}
	}
	if allowed == nil {
		bulwark.Deny(w, r, noSuchRoute)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	bulwark.Deny(w, r, noSuchMethod)
}

// routeOf is the route as authz.Mux records it, such as "GET /me".
func routeOf(r *http.Request, pattern string) string {
	if pattern == "" {
		return "" // no route has matched
	}
	return r.Method + " " + pattern
}

func readDocument(w http.ResponseWriter, _ *http.Request, d authz.Granted[*Document]) {
	fmt.Fprintln(w, d.Value().Text)
}

func me(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	fmt.Fprintln(w, caller.Subject)
}

func checkPassword(w http.ResponseWriter, r *http.Request) {
	if !right(r) {
		bulwark.Deny(w, r, wrongPassword)
		return
	}
	fmt.Fprintln(w, "welcome")
}

func chiService(l *Layers) http.Handler {
	router := chi.NewRouter()
	find := func(method string, u *url.URL) (pattern string) {
		return router.Find(chi.NewRouteContext(), method, cmp.Or(u.RawPath, u.Path)) // as chi routes
	}
	refuse := func(w http.ResponseWriter, r *http.Request) {
		refuseRoute(w, r, func(method string) bool {
			return find(method, r.URL) != ""
		})
	}
	router.NotFound(refuse)
	router.MethodNotAllowed(refuse)

	router.With(l.Members.Wrap).Get("/me", me)
	router.Method("GET", "/orgs/{org}/documents/{id}", authz.Object(l.Policy, l.Documents.Can("read"), readDocument))
	router.With(l.Guesses.Wrap).Post("/login", checkPassword)

	route := bulwark.RecordRoute(func(r *http.Request) string {
		return routeOf(r, find(r.Method, r.URL))
	})
	return route.Wrap(l.Stack.Wrap(router))
}

func gorillaService(l *Layers) http.Handler {
	router := mux.NewRouter().SkipClean(true) // "//me" is 404, and not a redirect
	find := func(r *http.Request) *mux.Route {
		var match mux.RouteMatch
		if !router.Match(r, &match) || match.MatchErr != nil {
			return nil
		}
		return match.Route
	}
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuseRoute(w, r, func(method string) bool {
			asked := r.Clone(r.Context())
			asked.Method = method
			return find(asked) != nil
		})
	})
	router.NotFoundHandler, router.MethodNotAllowedHandler = refuse, refuse

	documents := l.Documents
	documents.PathValue = func(r *http.Request, name string) string { return mux.Vars(r)[name] }
	documents.PathNames = []string{"org", "id"} // all names of the route
	router.Handle("/me", l.Members.Wrap(http.HandlerFunc(me))).Methods("GET", "HEAD")
	router.Handle("/orgs/{org}/documents/{id}", authz.Object(l.Policy, documents.Can("read"), readDocument)).Methods("GET", "HEAD")
	router.Handle("/login", l.Guesses.Wrap(http.HandlerFunc(checkPassword))).Methods("POST")

	route := bulwark.RecordRoute(func(r *http.Request) string {
		found := find(r)
		if found == nil {
			return ""
		}
		template, _ := found.GetPathTemplate()
		return routeOf(r, template)
	})
	return route.Wrap(l.Stack.Wrap(router))
}

func ginService(l *Layers) http.Handler {
	router := gin.New()
	router.RedirectTrailingSlash = false // "/me/" is 404, and not a redirect
	router.HandleMethodNotAllowed = true // gin sets Allow
	router.Use(ginRoute, ginPathValues)
	router.NoRoute(func(g *gin.Context) { ginDeny(g, noSuchRoute) })
	router.NoMethod(func(g *gin.Context) { ginDeny(g, noSuchMethod) })

	router.GET("/me", ginLayer(l.Members), func(g *gin.Context) {
		caller, _ := bulwark.PrincipalFrom(g.Request.Context())
		g.String(http.StatusOK, "%s\n", caller.Subject)
	})
	router.GET("/orgs/:org/documents/:id", gin.WrapH(authz.Object(l.Policy, l.Documents.Can("read"), readDocument)))
	router.POST("/login", ginLayer(l.Guesses), func(g *gin.Context) {
		if !right(g.Request) {
			ginDeny(g, wrongPassword)
			return
		}
		g.String(http.StatusOK, "welcome\n")
	})
	return l.Stack.Wrap(router)
}

// ginDeny refuses the request of a gin handler.
func ginDeny(g *gin.Context, err error) {
	bulwark.Deny(g.Writer, g.Request, err)
	g.Abort()
}

func echoService(l *Layers) http.Handler {
	router := echo.New()
	router.HTTPErrorHandler = echoErrors
	router.Use(echoRoute, echoPathValues)

	router.GET("/me", func(e echo.Context) error {
		caller, _ := bulwark.PrincipalFrom(e.Request().Context())
		return e.String(http.StatusOK, caller.Subject+"\n")
	}, echoLayer(l.Members))
	router.GET("/orgs/:org/documents/:id", echo.WrapHandler(authz.Object(l.Policy, l.Documents.Can("read"), readDocument)))
	router.POST("/login", func(e echo.Context) error {
		if !right(e.Request()) {
			return wrongPassword // echoErrors answers
		}
		return e.String(http.StatusOK, "welcome\n")
	}, echoLayer(l.Guesses))
	return l.Stack.Wrap(router)
}

// echoErrors answers an error of a handler or of echo by bulwark.Deny. echo
// sets Allow for a 405.
func echoErrors(err error, e echo.Context) {
	var problem *bulwark.Problem
	var ofEcho *echo.HTTPError
	if !errors.As(err, &problem) && errors.As(err, &ofEcho) {
		switch ofEcho.Code {
		case http.StatusNotFound:
			err = noSuchRoute
		case http.StatusMethodNotAllowed:
			err = noSuchMethod
		default: // such as echo.ErrUnauthorized
			err = &bulwark.Problem{Status: ofEcho.Code, Err: err}
		}
	}
	bulwark.Deny(e.Response(), e.Request(), err)
}

func humaService(l *Layers) http.Handler {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("documents", "1"))
	type answer struct{ Body string }
	huma.Register(api, huma.Operation{
		OperationID: "me", Method: "GET", Path: "/me",
		Middlewares: huma.Middlewares{humaLayer(l.Members)},
	}, func(ctx context.Context, _ *struct{}) (*answer, error) {
		caller, _ := bulwark.PrincipalFrom(ctx)
		return &answer{caller.Subject}, nil
	})
	mux.Handle("GET /orgs/{org}/documents/{id}", authz.Object(l.Policy, l.Documents.Can("read"), readDocument))
	huma.Register(api, huma.Operation{
		OperationID: "login", Method: "POST", Path: "/login",
		Middlewares: huma.Middlewares{humaLayer(l.Guesses), humaPassword},
	}, func(context.Context, *struct{}) (*answer, error) {
		return &answer{"welcome"}, nil
	})

	find := func(r *http.Request) (pattern string) {
		_, pattern = mux.Handler(r)
		return pattern
	}
	router := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if find(r) != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refuseRoute(w, r, func(method string) bool {
			asked := r.Clone(r.Context())
			asked.Method = method
			return find(asked) != ""
		})
	})
	return bulwark.RecordRoute(find).Wrap(l.Stack.Wrap(router))
}

// humaPassword refuses in a middleware, because a huma handler does not have
// the ResponseWriter.
func humaPassword(h huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(h)
	if !right(r) {
		bulwark.Deny(w, r, wrongPassword)
		return
	}
	next(h)
}

const smallNoMethod = `HTTP/1.1 405 Method Not Allowed
Content-Type: application/problem+json
Allow: POST
`

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

// newFinder finds document 7 of acme, which belongs to alice.
func newFinder(issuer string) Finder {
	return func(_ context.Context, org, id string) (*Document, error) {
		if org != "acme" || id != "7" {
			return nil, authz.ErrNotFound
		}
		return &Document{ID: id, Org: org, Text: "the plan", Issuer: issuer, Subject: "alice"}, nil
	}
}

// A smallTest asks one of the small services.
type smallTest struct {
	*testing.T
	issuer  *authtest.Issuer
	layers  *Layers
	events  bulwarktest.Recorder
	handler http.Handler
}

func newSmallTest(t *testing.T, issuer *authtest.Issuer, open func(*Layers) http.Handler) *smallTest {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	s := &smallTest{T: t, issuer: issuer}
	layers, err := newLayers(&s.events, bulwark.Must(jwt.New(issuer.Config())), newFinder(issuer.URL()))
	if err != nil {
		t.Fatal(err)
	}
	s.layers, s.handler = layers, open(layers)
	return s
}

// ask sends a request with header fields, and forgets the events before it.
func (s *smallTest) ask(method, path string, fields ...string) *httptest.ResponseRecorder {
	s.events.Take()
	r := httptest.NewRequest(method, "https://api.example.com"+path, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *smallTest) bearer(subject string) (field, value string) {
	return "Authorization", "Bearer " + s.issuer.Token(authtest.Claims{"sub": subject, "roles": []string{"user"}})
}

// refused asserts the answer of a problem, and its one event.
func (s *smallTest) refused(w *httptest.ResponseRecorder, status int, code string, event bulwark.EventName, reason, route string) {
	s.Helper()
	var problem struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != status || problem.Code != code ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		s.Errorf("%d %v %s, want %d %s", w.Code, w.Header(), w.Body, status, code)
	}
	got := s.events.Take()
	if len(got) != 1 || got[0].Name != event || got[0].Reason != reason || got[0].Route != route || got[0].Status != status {
		s.Errorf("events %+v, want one %s of %s on %q", got, event, reason, route)
	}
}

// TestTheSmallServices asks each small service of the page the same.
func TestTheSmallServices(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	for name, test := range map[string]struct {
		open     func(*Layers) http.Handler
		document string // the route as the router spells it
		of405    string // the route in the event of a wrong method
		allow    string // of a wrong method
		early    string // the route in an event of the stack
	}{
		"chi":     {chiService, "GET /orgs/{org}/documents/{id}", "", "POST", "GET /me"},
		"gorilla": {gorillaService, "GET /orgs/{org}/documents/{id}", "", "POST", "GET /me"},
		"gin":     {ginService, "GET /orgs/:org/documents/:id", "", "POST", ""},
		"echo":    {echoService, "GET /orgs/:org/documents/:id", "GET /login", "OPTIONS, POST", ""},
		"huma":    {humaService, "GET /orgs/{org}/documents/{id}", "", "POST", "GET /me"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmallTest(t, issuer, test.open)
			alice, token := s.bearer("alice")
			w := s.ask("GET", "/me", alice, token)
			if w.Code != 200 || !strings.Contains(w.Body.String(), "alice") {
				t.Errorf("the caller: %d %s", w.Code, w.Body)
			}
			w = s.ask("GET", "/me")
			if got := headOf(w, "Content-Type"); got != smallUnknown {
				t.Errorf("nobody: %s", got)
			}
			s.refused(w, 401, "authz.unauthenticated", bulwark.AuthzFail, "authz.unauthenticated", "GET /me")

			w = s.ask("GET", "/orgs/acme/documents/7", alice, token)
			if w.Code != 200 || w.Body.String() != "the plan\n" || len(s.events.Take()) != 0 {
				t.Errorf("a document of the caller: %d %s", w.Code, w.Body)
			}
			_, mallory := s.bearer("mallory")
			s.refused(s.ask("GET", "/orgs/acme/documents/7", alice, mallory), 404, "authz.not_found", bulwark.AuthzFail, "authz.not_readable", test.document)
			if name == "chi" { // which routes by the encoded path
				s.refused(s.ask("GET", "/orgs/a%2Fb/documents/7", alice, token), 400, "authz.path_value", bulwark.InputValidationFail, "authz.path_value", test.document)
			}
			s.refused(s.ask("GET", "/orgs/other/documents/7", alice, token), 404, "authz.not_found", bulwark.AuthzFail, "authz.not_found", test.document)

			for range 5 { // a right password counts for nothing
				if w := s.ask("POST", "/login", "Password", "right"); w.Code != 200 {
					t.Errorf("a login: %d %s", w.Code, w.Body)
				}
			}
			for range 3 {
				s.refused(s.ask("POST", "/login"), 401, "login.wrong_password", bulwark.AuthnLoginFail, "login.wrong_password", "POST /login")
			}
			w = s.ask("POST", "/login")
			if got := headOf(w, "Content-Type", "Retry-After"); got != smallTooMany {
				t.Errorf("a fourth wrong password: %s", got)
			}
			s.refused(w, 429, "ratelimit.exceeded", bulwark.ExcessRateLimitExceeded, "ratelimit.exceeded", "POST /login")

			for _, path := range []string{"/nowhere", "/me/", "//me"} {
				if name == "huma" && path == "//me" {
					if w := s.ask("GET", path); w.Code != 307 || w.Header().Get("Location") != "/me" || len(s.events.Take()) != 0 {
						t.Errorf("http.ServeMux redirects: %d %v", w.Code, w.Header())
					}
					continue
				}
				w = s.ask("GET", path)
				if w.Header().Get("Content-Security-Policy") == "" {
					t.Errorf("%s does not have the headers of the stack: %v", path, w.Header())
				}
				s.refused(w, 404, "service.no_route", bulwark.InputValidationFail, "service.no_route", "")
			}
			w = s.ask("GET", "/login")
			if got := headOf(w, "Content-Type", "Allow"); got != strings.Replace(smallNoMethod, "POST", test.allow, 1) {
				t.Errorf("a wrong method: %s", got)
			}
			s.refused(w, 405, "service.no_method", bulwark.InputValidationFail, "service.no_method", test.of405)
			s.refused(s.ask("GET", "/me", alice, "Bearer x.y.z"), 401, "auth.invalid_token", bulwark.AuthnTokenInvalid, "malformed", test.early)
			w = s.ask("OPTIONS", "/login", "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", "authorization,content-type")
			if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example.com" {
				t.Errorf("a preflight: %d %v", w.Code, w.Header())
			}
		})
	}
}
