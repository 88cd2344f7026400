package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/validate"
)

// newCollection serves the list and the creation of documents.
func newCollection(l *Layers) *authz.Mux {
	collection := authz.NewMux(l.Policy)
	authz.HandleList(collection, "GET /orgs/{org}/documents", l.Documents.Can("read"), listDocuments)
	authz.HandleCreate(collection, "POST /orgs/{org}/documents", l.Documents.Can("create"), createDocument)
	return collection
}

func listDocuments(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	authz.WriteList(w, r, reach, []*Document{ // the result of a query with the reach
		{ID: "7", Org: r.PathValue("org"), Issuer: caller.Issuer, Subject: caller.Subject},
	})
}

func createDocument(w http.ResponseWriter, r *http.Request, check func(*Document) (authz.Granted[*Document], error)) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	created, err := check(&Document{ID: "8", Org: r.PathValue("org"), Issuer: caller.Issuer, Subject: caller.Subject})
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(created.Value())
}

// mountCollections mount the collection under each router.
var mountCollections = map[string]func(collection http.Handler) http.Handler{
	"chi": func(collection http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Handle("/orgs/{org}/documents", collection)
		return router
	},
	"gorilla": func(collection http.Handler) http.Handler {
		router := mux.NewRouter().SkipClean(true)
		router.Handle("/orgs/{org}/documents", collection)
		return router
	},
	"gin": func(collection http.Handler) http.Handler {
		router := newGin(ginRoute, ginPathValues)
		router.Any("/orgs/:org/documents", gin.WrapH(collection))
		return router
	},
	"echo": func(collection http.Handler) http.Handler {
		router := echo.New()
		router.Use(echoRoute, echoPathValues)
		router.Any("/orgs/:org/documents", echo.WrapHandler(collection))
		return router
	},
	"huma": func(collection http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/orgs/{org}/documents", collection)
		return mux
	},
}

// A Mux under another router decides as it does alone, and names its own route
// in events.
func TestCollectionsUnderOtherRouters(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	for name, mount := range mountCollections {
		t.Run(name, func(t *testing.T) {
			s := newSmallTest(t, issuer, func(l *Layers) http.Handler {
				return l.Stack.Wrap(mount(newCollection(l)))
			})
			alice, token := s.bearer("alice")
			for _, test := range []struct {
				method string
				status int
				body   string
			}{
				{"GET", 200, `{"items":[{"ID":"7","Org":"acme"`},
				{"HEAD", 200, ""},
				{"POST", 201, `{"ID":"8","Org":"acme"`},
			} {
				if w := s.ask(test.method, "/orgs/acme/documents", alice, token); w.Code != test.status || !strings.HasPrefix(w.Body.String(), test.body) {
					t.Errorf("%s: %d %s", test.method, w.Code, w.Body)
				}
			}
			s.refused(s.ask("GET", "/orgs/acme/documents"), 401, "authz.unauthenticated", bulwark.AuthzFail, "authz.unauthenticated", "GET /orgs/{org}/documents")
			w := s.ask("DELETE", "/orgs/acme/documents", alice, token)
			if allow := w.Header().Get("Allow"); allow != "GET, HEAD, POST" {
				t.Errorf("Allow %q", allow)
			}
			got := s.events.Take()
			if w.Code != 405 || len(got) != 1 || got[0].Reason != "authz.method_not_allowed" {
				t.Errorf("a wrong method: %d, events %+v", w.Code, got)
			}
		})
	}
}

func ginEveryRoute(l *Layers) http.Handler {
	router := gin.New()
	router.RedirectTrailingSlash = false
	router.HandleMethodNotAllowed = true
	router.Use(ginRoute, ginLayer(l.Stack), ginPathValues)
	router.NoRoute(func(g *gin.Context) { ginDeny(g, noSuchRoute) })
	router.NoMethod(func(g *gin.Context) { ginDeny(g, noSuchMethod) })
	router.GET("/me", ginLayer(l.Members), gin.WrapF(me))
	return router
}

func echoEveryRoute(l *Layers) http.Handler {
	router := echo.New()
	router.HTTPErrorHandler = echoErrors
	router.Use(echoRoute, echoLayer(l.Stack), echoPathValues)
	router.GET("/me", echo.WrapHandler(http.HandlerFunc(me)), echoLayer(l.Members))
	return router
}

// With the stack behind the route, each event of the stack has the route.
func TestTheRouteInEveryEvent(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	for name, test := range map[string]struct {
		open  func(*Layers) http.Handler
		of405 string
	}{
		"gin":  {ginEveryRoute, ""},
		"echo": {echoEveryRoute, "POST /me"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmallTest(t, issuer, test.open)
			alice, token := s.bearer("alice")
			if w := s.ask("GET", "/me", alice, token); w.Code != 200 || w.Body.String() != "alice\n" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			s.refused(s.ask("GET", "/me", alice, "Bearer x.y.z"), 401, "auth.invalid_token", bulwark.AuthnTokenInvalid, "malformed", "GET /me")
			s.refused(s.ask("GET", "/me"), 401, "authz.unauthenticated", bulwark.AuthzFail, "authz.unauthenticated", "GET /me")
			for _, path := range []string{"/nowhere", "/me/", "//me"} {
				w := s.ask("GET", path)
				s.refused(w, 404, "service.no_route", bulwark.InputValidationFail, "service.no_route", "")
				if w.Header().Get("Content-Security-Policy") == "" {
					t.Errorf("%s does not have the headers of the stack: %v", path, w.Header())
				}
			}
			s.refused(s.ask("POST", "/me"), 405, "service.no_method", bulwark.InputValidationFail, "service.no_method", test.of405)
			if w := s.ask("OPTIONS", "/me", "Origin", "https://app.example.com", "Access-Control-Request-Method", "GET"); w.Code != 204 {
				t.Errorf("a preflight: %d", w.Code)
			}
		})
	}
}

// TestErrorsOfEchoHandlers asks for each kind of error that a handler of echo
// returns.
func TestErrorsOfEchoHandlers(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	changed := &bulwark.Problem{Status: http.StatusConflict, Code: "documents.changed"}
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
		event  bulwark.EventName
	}{
		"problem":      {changed, 409, "documents.changed", bulwark.InputValidationFail},
		"wrapped":      {echo.NewHTTPError(500).SetInternal(changed), 409, "documents.changed", bulwark.InputValidationFail},
		"unauthorized": {echo.ErrUnauthorized, 401, "problem.status_401", bulwark.AuthzFail},
		"not-found":    {echo.ErrNotFound, 404, "service.no_route", bulwark.InputValidationFail},
		"other":        {http.ErrBodyNotAllowed, 500, "internal.error", bulwark.SysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmallTest(t, issuer, func(l *Layers) http.Handler {
				router := echo.New()
				router.HTTPErrorHandler = echoErrors
				router.Use(echoRoute)
				router.GET("/", func(echo.Context) error { return test.err })
				return l.Stack.Wrap(router)
			})
			s.refused(s.ask("GET", "/"), test.status, test.code, test.event, test.code, "GET /")
		})
	}
}

// HEAD is not a part of GET under every router.
func TestHeadOfEachRouter(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	for name, test := range map[string]struct {
		open   func(*Layers) http.Handler
		status int
	}{
		"chi": {chiService, 405}, "chi-get-head": {func(l *Layers) http.Handler {
			router := chi.NewRouter()
			router.Use(middleware.GetHead)
			router.With(l.Members.Wrap).Get("/me", me)
			return l.Stack.Wrap(router)
		}, 200}, "gorilla": {gorillaService, 200}, "gin": {ginService, 405}, "echo": {echoService, 405}, "huma": {humaService, 200},
	} {
		s := newSmallTest(t, issuer, test.open)
		alice, token := s.bearer("alice")
		r := httptest.NewRequest("HEAD", "https://api.example.com/me", nil)
		r.Header.Set(alice, token)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s: HEAD is %d, want %d", name, w.Code, test.status)
		}
	}
}

// What routers answer by themselves has the headers of the stack, and neither a
// problem body nor an event. Redirects of gin do not pass Use.
func TestPlainAnswersOfRouters(t *testing.T) {
	denyAlone := func(err error, e echo.Context) { bulwark.Deny(e.Response(), e.Request(), err) }
	underGin := func(use ...gin.HandlerFunc) http.Handler {
		router := newGin(use...)
		router.GET("/me", gin.WrapF(me))
		return router
	}
	underEcho := func(errors echo.HTTPErrorHandler) http.Handler {
		router := echo.New()
		if errors != nil {
			router.HTTPErrorHandler = errors
		}
		router.GET("/me", func(echo.Context) error { return noSuchMethod })
		return router
	}
	underChi, underGorilla, underHuma := chi.NewRouter(), mux.NewRouter(), http.NewServeMux()
	underChi.Get("/me", me)
	underGorilla.HandleFunc("/me", me).Methods("GET")
	underHuma.HandleFunc("GET /me", me)
	for name, test := range map[string]struct {
		router  http.Handler
		path    string
		status  int
		reason  string // of the event, and "" if there is no event
		use     bool   // the stack stands in Use
		headers bool
	}{
		"chi":           {underChi, "/nowhere", 404, "", false, true},
		"gorilla":       {underGorilla, "/nowhere", 404, "", false, true},
		"gorilla-clean": {underGorilla, "//me", 301, "", false, true},
		"gin":           {underGin(), "/nowhere", 404, "", false, true},
		"gin-slash":     {underGin(), "/me/", 301, "", false, true},
		"gin-slash-use": {nil, "/me/", 301, "", true, false},
		"huma":          {underHuma, "/nowhere", 404, "", false, true},
		"echo":          {underEcho(nil), "/nowhere", 404, "", false, true},
		"echo-problem":  {underEcho(nil), "/me", 500, "", false, true},
		"echo-deny":     {underEcho(denyAlone), "/nowhere", 500, "internal.error", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmallTest(t, authtest.NewIssuer(t), func(l *Layers) http.Handler {
				if test.use {
					return underGin(ginRoute, ginLayer(l.Stack))
				}
				return l.Stack.Wrap(test.router)
			})
			w := s.ask("GET", test.path)
			if w.Code != test.status || (w.Header().Get("Content-Security-Policy") != "") != test.headers {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			got := s.events.Take()
			if test.reason == "" && (len(got) != 0 || w.Header().Get("Content-Type") == "application/problem+json") {
				t.Errorf("%v, events %+v: the page need not warn of it", w.Header(), got)
			}
			if test.reason != "" && (len(got) != 1 || got[0].Reason != test.reason || got[0].Name != bulwark.SysUnavailable) {
				t.Errorf("events %+v", got)
			}
		})
	}
}

// If the layers do not get the path values, the event names the field.
func TestForgottenPathValues(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	rules := validate.SchemaJSON(`{"type": "object", "properties": {"id": {"type": "string", "maxLength": 3}}}`)
	for name, test := range map[string]struct {
		open   func(*Layers) http.Handler
		status int
		reason string
		names  string // a word of the error in the event
	}{
		"gorilla-object": {func(l *Layers) http.Handler {
			router := mux.NewRouter()
			router.Handle("/orgs/{org}/documents/{id}", authz.Object(l.Policy, l.Documents.Can("read"), readDocument))
			return router
		}, 404, "authz.not_found", "PathValue"},
		"gin-object": {func(l *Layers) http.Handler {
			router := newGin()
			router.GET("/orgs/:org/documents/:id", gin.WrapH(authz.Object(l.Policy, l.Documents.Can("read"), readDocument)))
			return router
		}, 404, "authz.not_found", "PathValue"},
		"gin-validate": {func(*Layers) http.Handler {
			router := newGin()
			router.GET("/orgs/:org/documents/:id", ginLayer(bulwark.Must(validate.New(validate.Config{Path: rules}))), gin.WrapF(me))
			return router
		}, 500, "validate.unconfigured", "PathValue"},
		"gorilla-one-name": {func(l *Layers) http.Handler {
			documents := l.Documents
			documents.PathValue = func(r *http.Request, name string) string { return mux.Vars(r)[name] }
			router := mux.NewRouter()
			router.Handle("/orgs/{org}/documents/{id}", authz.Object(l.Policy, documents.Can("read"), readDocument))
			return router
		}, 404, "authz.not_found", ""},
		"gorilla-wrong-name": {func(l *Layers) http.Handler {
			documents := l.Documents
			documents.PathValue = func(r *http.Request, name string) string { return mux.Vars(r)[name] }
			documents.PathNames = []string{"orgs", "id"}
			router := mux.NewRouter()
			router.Handle("/orgs/{org}/documents/{id}", authz.Object(l.Policy, documents.Can("read"), readDocument))
			return router
		}, 500, "authz.unconfigured", "PathNames"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmallTest(t, issuer, func(l *Layers) http.Handler { return l.Stack.Wrap(test.open(l)) })
			alice, token := s.bearer("alice")
			w := s.ask("GET", "/orgs/acme/documents/7", alice, token)
			got := s.events.Take()
			if w.Code != test.status || len(got) != 1 || got[0].Reason != test.reason || !strings.Contains(fmt.Sprint(got[0].Attrs), test.names) ||
				test.names == "" && strings.Contains(fmt.Sprint(got[0].Attrs), "error=") {
				t.Errorf("%d %s, events %+v", w.Code, w.Body, got)
			}
		})
	}
}
