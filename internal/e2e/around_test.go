package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// outer is what belongs around a router.
func outer() *bulwark.Stack {
	return bulwark.Must(bulwark.Chain(
		bulwark.Edge{Hosts: []string{host}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, ForwardedHeader: "X-Forwarded-For"},
		headers.Config{},
		cors.Config{Origins: []string{page}, Methods: []string{"GET", "POST"}, Headers: []string{"Content-Type"}},
	))
}

// routers make each router with one route, POST /login.
var routers = map[string]func(h http.HandlerFunc) http.Handler{
	"servemux": func(h http.HandlerFunc) http.Handler { return routed(h) },
	"chi": func(h http.HandlerFunc) http.Handler {
		router := chi.NewRouter()
		router.Post("/login", h)
		return router
	},
	"gorilla": func(h http.HandlerFunc) http.Handler {
		router := mux.NewRouter()
		router.HandleFunc("/login", h).Methods("POST")
		return router
	},
	"gin": func(h http.HandlerFunc) http.Handler {
		router := newGin()
		router.POST("/login", gin.WrapF(h))
		return router
	},
	"echo": func(h http.HandlerFunc) http.Handler {
		router := echo.New()
		router.POST("/login", echo.WrapHandler(h))
		return router
	},
	"huma": func(http.HandlerFunc) http.Handler { return newHuma(huma.Operation{}) },
}

// TestCaseRoot21WhatTheStackIsPutAround asks for what no route answers: a
// preflight, and an unknown path. Around the router the stack sees both, and so
// it does where a router runs its middleware on what it does not match. What
// loses them is here too, so that the page tells the truth about it.
func TestCaseRoot21WhatTheStackIsPutAround(t *testing.T) {
	type place struct {
		open  func(*bulwark.Stack) http.Handler
		loses bool
	}
	places := map[string]place{
		"chi-use": {open: func(s *bulwark.Stack) http.Handler {
			router := chi.NewRouter()
			router.Use(s.Wrap)
			router.Post("/login", login)
			return router
		}},
		"chi-with": {open: func(s *bulwark.Stack) http.Handler {
			router := chi.NewRouter()
			router.With(s.Wrap).Post("/login", login)
			return router
		}, loses: true},
		"chi-group": {open: func(s *bulwark.Stack) http.Handler {
			router := chi.NewRouter()
			router.Group(func(r chi.Router) {
				r.Use(s.Wrap)
				r.Post("/login", login)
			})
			return router
		}, loses: true},
		"gorilla-use": {open: func(s *bulwark.Stack) http.Handler {
			router := mux.NewRouter()
			router.Use(s.Wrap)
			router.HandleFunc("/login", login).Methods("POST")
			return router
		}, loses: true},
		"servemux-route": {open: func(s *bulwark.Stack) http.Handler { return routed(s.Wrap(http.HandlerFunc(login))) }, loses: true},
		"gin-use": {open: func(s *bulwark.Stack) http.Handler {
			router := newGin(ginLayer(s))
			router.POST("/login", ginLogin)
			return router
		}},
		"gin-route": {open: func(s *bulwark.Stack) http.Handler {
			router := newGin()
			router.POST("/login", ginLayer(s), ginLogin)
			return router
		}, loses: true},
		"echo-use": {open: func(s *bulwark.Stack) http.Handler {
			router := echo.New()
			router.Use(echoLayer(s))
			router.POST("/login", echoLogin)
			return router
		}},
		"echo-pre": {open: func(s *bulwark.Stack) http.Handler {
			router := echo.New()
			router.Pre(echoLayer(s))
			router.POST("/login", echoLogin)
			return router
		}},
		"echo-route": {open: func(s *bulwark.Stack) http.Handler {
			router := echo.New()
			router.POST("/login", echoLogin, echoLayer(s))
			return router
		}, loses: true},
		"huma-middleware": {open: func(s *bulwark.Stack) http.Handler {
			return newHuma(huma.Operation{Middlewares: huma.Middlewares{humaLayer(s)}})
		}, loses: true},
	}
	for name, open := range routers {
		places[name+"-around"] = place{open: func(s *bulwark.Stack) http.Handler { return s.Wrap(open(login)) }}
	}
	for name, p := range places {
		t.Run(name, func(t *testing.T) {
			h := p.open(outer())
			ask := func(method, path string, fields ...string) *http.Response {
				r := httptest.NewRequest(method, "https://"+host+path, nil)
				r.Header.Set("Origin", page)
				r.Header.Set("Password", "right")
				for i := 0; i < len(fields); i += 2 {
					r.Header.Set(fields[i], fields[i+1])
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				return w.Result()
			}
			preflight := ask("OPTIONS", "/login", "Access-Control-Request-Method", "POST")
			if got := preflight.StatusCode == http.StatusNoContent && preflight.Header.Get("Access-Control-Allow-Origin") == page; got == p.loses {
				t.Errorf("the preflight is answered %d with Access-Control-Allow-Origin %q", preflight.StatusCode, preflight.Header.Get("Access-Control-Allow-Origin"))
			}
			unknown := ask("GET", "/unknown")
			if got := unknown.Header.Get("Content-Security-Policy") != "" && unknown.Header.Get("Access-Control-Allow-Origin") == page; unknown.StatusCode != 404 || got == p.loses {
				t.Errorf("an unknown path is answered %d with %v", unknown.StatusCode, unknown.Header)
			}
			posted := ask("POST", "/login")
			if posted.StatusCode != 200 || posted.Header.Get("Access-Control-Allow-Origin") != page || posted.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("the route answers %d with %v", posted.StatusCode, posted.Header)
			}
		})
	}
}

// TestCaseRoot20WhoSaysTheAddress asks through a trusted proxy, with an entry
// of the client's own in front. Around each router the client is the address
// that the proxy has seen. A middleware outside that believes the client takes
// that away, which is why the page says to take it out.
func TestCaseRoot20WhoSaysTheAddress(t *testing.T) {
	const forged, real = "6.6.6.6", "203.0.113.4"
	var seen netip.Addr
	asked := func(w http.ResponseWriter, r *http.Request) { seen = bulwark.ClientIP(r) }
	noting := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked(w, r)
			next.ServeHTTP(w, r)
		})
	})
	ask := func(h http.Handler) string {
		seen = netip.Addr{}
		r := httptest.NewRequest("POST", "https://"+host+"/login", nil)
		r.RemoteAddr = "127.0.0.1:4711"
		r.Header.Set("X-Forwarded-For", forged+", "+real)
		r.Header.Set("X-Real-IP", forged)
		r.Header.Set("True-Client-IP", forged)
		r.Header.Set("Password", "right")
		h.ServeHTTP(httptest.NewRecorder(), r)
		return seen.String()
	}
	for name, open := range routers {
		within := bulwark.Must(bulwark.Chain(outer(), noting))
		if got := ask(within.Wrap(open(login))); got != real {
			t.Errorf("%s: the client is %s, want %s", name, got, real)
		}
		if name == "huma" {
			continue // its handlers have no request
		}
		if got := ask(outer().Wrap(open(asked))); got != real {
			t.Errorf("%s: to a handler the client is %s, want %s", name, got, real)
		}
	}
	router := chi.NewRouter()
	//lint:ignore SA1019 the test shows what it does
	router.Use(middleware.RealIP)
	router.Post("/login", asked)
	if got := ask(outer().Wrap(router)); got != real {
		t.Errorf("RealIP inside the stack: the client is %s, want %s: Edge has settled it", got, real)
	}
	for name, h := range map[string]http.Handler{
		//lint:ignore SA1019 the test shows what it does
		"chi RealIP":           middleware.RealIP(outer().Wrap(http.HandlerFunc(asked))),
		"gorilla ProxyHeaders": handlers.ProxyHeaders(outer().Wrap(http.HandlerFunc(asked))),
	} {
		if got := ask(h); got == real {
			t.Errorf("%s outside the stack: the client is %s; the page need not warn of it", name, got)
		}
	}
}

// A limit by address in the stack follows the address that Edge has settled,
// and nothing that the client sends.
func TestCaseRoot20LimitsFollowTheAddress(t *testing.T) {
	for name, open := range routers {
		stack := bulwark.Must(bulwark.Chain(outer(), ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "2/hour", MaxKeys: 8}))
		var rec bulwarktest.Recorder
		h := rec.Wrap(stack.Wrap(open(login)))
		passed := 0
		for i := range 10 {
			r := httptest.NewRequest("POST", "https://"+host+"/login", nil)
			r.RemoteAddr = "127.0.0.1:4711"
			r.Header.Set("X-Forwarded-For", "6.6.6."+string(rune('0'+i))+", 203.0.113.4")
			r.Header.Set("Password", "right")
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code == 200 {
				passed++
			}
		}
		if events := rec.Take(); passed != 2 || len(events) != 8 || events[0].ClientIP.String() != "203.0.113.4" {
			t.Errorf("%s: %d passed, want 2; events %+v", name, passed, events)
		}
	}
}
