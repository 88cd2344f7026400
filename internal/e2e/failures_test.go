package e2e

import (
	"context"
	"errors"
	"io"
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
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// right reports whether a login is one with the right password.
func right(r *http.Request) bool { return r.Header.Get("Password") == "right" }

// login is the handler without a framework.
func login(w http.ResponseWriter, r *http.Request) {
	if !right(r) {
		http.Error(w, "bad", http.StatusUnauthorized)
		return
	}
	w.Write([]byte("welcome"))
}

func ginLogin(g *gin.Context) {
	if !right(g.Request) {
		g.JSON(http.StatusUnauthorized, gin.H{"error": "bad"})
		return
	}
	g.String(http.StatusOK, "welcome")
}

// ginStatus leaves the header to gin, which writes it when all is over.
func ginStatus(g *gin.Context) {
	if !right(g.Request) {
		g.AbortWithStatus(http.StatusUnauthorized)
		return
	}
	g.Status(http.StatusNoContent)
}

// echoLogin returns an error, which echo writes.
func echoLogin(e echo.Context) error {
	if !right(e.Request()) {
		return echo.NewHTTPError(http.StatusUnauthorized, "bad")
	}
	return e.String(http.StatusOK, "welcome")
}

func newGin(use ...gin.HandlerFunc) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(use...)
	return router
}

func newHuma(op huma.Operation) http.Handler {
	router := http.NewServeMux()
	api := humago.New(router, huma.DefaultConfig("logins", "1"))
	op.Method, op.Path, op.OperationID = "POST", "/login", "login"
	huma.Register(api, op, func(_ context.Context, in *struct {
		Password string `header:"Password"`
	}) (*text, error) {
		if in.Password != "right" {
			return nil, huma.Error401Unauthorized("bad")
		}
		return &text{"welcome"}, nil
	})
	return router
}

// TestCaseRl1FailuresUnderEachRouter puts a limit on failed logins where users
// of each router put it, and writes the answer in each way that the router has.
// Nobody guesses for ever; where the limit sees the answers, those who know the
// password are never refused.
func TestCaseRl1FailuresUnderEachRouter(t *testing.T) {
	type use func(l bulwark.Layer) http.Handler
	for name, test := range map[string]struct {
		open  use
		blind bool // the limit does not see successes: it counts them, and says so
		half  bool // the limit does not see failures: it counts them, and says so
	}{
		"servemux-around":  {open: func(l bulwark.Layer) http.Handler { return l.Wrap(http.HandlerFunc(login)) }},
		"servemux-route":   {open: func(l bulwark.Layer) http.Handler { return routed(l.Wrap(http.HandlerFunc(login))) }},
		"servemux-written": {open: func(l bulwark.Layer) http.Handler { return routed(afterwards(l)) }, blind: true, half: true},

		"chi-around": {open: func(l bulwark.Layer) http.Handler {
			router := chi.NewRouter()
			router.Post("/login", login)
			return l.Wrap(router)
		}},
		"chi-use": {open: func(l bulwark.Layer) http.Handler {
			router := chi.NewRouter()
			router.Use(l.Wrap)
			router.Post("/login", login)
			return router
		}},
		"chi-with": {open: func(l bulwark.Layer) http.Handler {
			router := chi.NewRouter()
			router.With(l.Wrap).Post("/login", login)
			return router
		}},
		"chi-group": {open: func(l bulwark.Layer) http.Handler {
			router := chi.NewRouter()
			router.Group(func(r chi.Router) {
				r.Use(l.Wrap)
				r.Method("POST", "/login", http.HandlerFunc(login))
			})
			return router
		}},

		"gorilla-around": {open: func(l bulwark.Layer) http.Handler {
			router := mux.NewRouter()
			router.HandleFunc("/login", login).Methods("POST")
			return l.Wrap(router)
		}},
		"gorilla-use": {open: func(l bulwark.Layer) http.Handler {
			router := mux.NewRouter()
			router.Use(l.Wrap)
			router.HandleFunc("/login", login).Methods("POST")
			return router
		}},
		"gorilla-route": {open: func(l bulwark.Layer) http.Handler {
			router := mux.NewRouter()
			router.Handle("/login", l.Wrap(http.HandlerFunc(login))).Methods("POST")
			return router
		}},

		"gin-around": {open: func(l bulwark.Layer) http.Handler {
			router := newGin()
			router.POST("/login", ginLogin)
			return l.Wrap(router)
		}},
		"gin-around-status": {open: func(l bulwark.Layer) http.Handler {
			router := newGin()
			router.POST("/login", ginStatus)
			return l.Wrap(router)
		}},
		"gin-layer": {open: func(l bulwark.Layer) http.Handler {
			router := newGin()
			router.POST("/login", ginLayer(l), ginLogin)
			return router
		}},
		"gin-layer-status": {open: func(l bulwark.Layer) http.Handler {
			router := newGin()
			router.POST("/login", ginLayer(l), ginStatus)
			return router
		}},
		"gin-layer-use": {open: func(l bulwark.Layer) http.Handler {
			router := newGin(gin.Recovery(), ginLayer(l))
			router.POST("/login", ginLogin)
			return router
		}},
		"gin-layer-error": {open: func(l bulwark.Layer) http.Handler {
			router := newGin()
			router.POST("/login", ginLayer(l), func(g *gin.Context) {
				if !right(g.Request) {
					g.AbortWithError(http.StatusUnauthorized, errors.New("bad"))
					return
				}
				ginLogin(g)
			})
			return router
		}},
		"gin-wrap-handler": {open: func(l bulwark.Layer) http.Handler {
			router := newGin()
			router.POST("/login", gin.WrapH(l.Wrap(http.HandlerFunc(login))))
			return router
		}},
		"gin-naive": {open: func(l bulwark.Layer) http.Handler {
			router := newGin(ginNaive(l))
			router.POST("/login", ginLogin)
			return router
		}, blind: true, half: true},

		"echo-around": {open: func(l bulwark.Layer) http.Handler {
			router := echo.New()
			router.POST("/login", echoLogin)
			return l.Wrap(router)
		}},
		"echo-layer": {open: func(l bulwark.Layer) http.Handler {
			router := echo.New()
			router.POST("/login", echoLogin, echoLayer(l))
			return router
		}},
		"echo-layer-use": {open: func(l bulwark.Layer) http.Handler {
			router := echo.New()
			router.Use(echoLayer(l))
			router.POST("/login", echoLogin)
			return router
		}},
		"echo-layer-group": {open: func(l bulwark.Layer) http.Handler {
			router := echo.New()
			router.Group("", echoLayer(l)).POST("/login", echoLogin)
			return router
		}},
		"echo-wrap-middleware": {open: func(l bulwark.Layer) http.Handler {
			router := echo.New()
			router.POST("/login", echoLogin, echo.WrapMiddleware(l.Wrap))
			return router
		}, half: true},
		"echo-wrap-handler": {open: func(l bulwark.Layer) http.Handler {
			router := echo.New()
			router.POST("/login", echo.WrapHandler(l.Wrap(http.HandlerFunc(login))))
			return router
		}},

		"huma-around": {open: func(l bulwark.Layer) http.Handler { return l.Wrap(newHuma(huma.Operation{})) }},
		"huma-layer": {open: func(l bulwark.Layer) http.Handler {
			return newHuma(huma.Operation{Middlewares: huma.Middlewares{humaLayer(l)}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			limit := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "login", Key: ratelimit.ByIP, Rate: "3/hour", Count: ratelimit.Failures, MaxKeys: 8}))
			h := rec.Wrap(test.open(limit))
			ask := func(addr, password string) int {
				r := httptest.NewRequest("POST", "/login", nil)
				r.RemoteAddr = addr
				r.Header.Set("Password", password)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				return w.Code
			}
			statuses := map[int]int{}
			for range 10 {
				statuses[ask("192.0.2.1:1", "wrong")]++
			}
			if statuses[401] != 3 || statuses[429] != 7 {
				t.Errorf("guesses are answered %v, want 3 of 401", statuses)
			}
			served := 0
			for range 10 {
				if status := ask("192.0.2.2:1", "right"); status == 200 || status == 204 {
					served++
				}
			}
			if want := map[bool]int{false: 10, true: 3}[test.blind]; served != want {
				t.Errorf("%d of 10 right passwords are served, want %d", served, want)
			}
			told := 0
			for _, e := range rec.Take() {
				if e.Reason == "ratelimit.unseen" && e.Rule == "login" {
					told++
				}
			}
			if want := map[bool]int{true: 1}[test.half]; told != want {
				t.Errorf("it is told %d times that answers are not seen, want %d", told, want)
			}
		})
	}
}

// routed is a mux with the handler.
func routed(h http.Handler) http.Handler {
	router := http.NewServeMux()
	router.Handle("POST /login", h)
	return router
}

// afterwards writes the answer when the layer has returned.
func afterwards(l bulwark.Layer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passed := false
		l.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })).ServeHTTP(w, r)
		if passed {
			login(w, r)
		}
	})
}

// ginNaive is the adapter that everybody writes first: gin's handlers inside
// write to gin's writer, past the layer.
func ginNaive(l bulwark.Layer) gin.HandlerFunc {
	return func(g *gin.Context) {
		passed := false
		l.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			g.Request = r
			g.Next()
		})).ServeHTTP(g.Writer, g.Request)
		if !passed {
			g.Abort()
		}
	}
}

// A panic leaves the adapters as they were found: what recovers outside writes
// to the outer writer, and the guess is counted.
func TestPanicsUnderGinAndEcho(t *testing.T) {
	limit := func() bulwark.Layer {
		return bulwark.Must(ratelimit.New(ratelimit.Config{Name: "login", Key: ratelimit.ByIP, Rate: "2/hour", Count: ratelimit.Failures, MaxKeys: 8}))
	}
	underGin := newGin(gin.CustomRecoveryWithWriter(io.Discard, func(g *gin.Context, _ any) { g.String(http.StatusInternalServerError, "sorry") }), ginLayer(limit()))
	underGin.POST("/login", func(*gin.Context) { panic("boom") })
	underEcho := echo.New()
	underEcho.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(e echo.Context) (err error) {
			defer func() {
				if recover() != nil {
					err = e.String(http.StatusInternalServerError, "sorry")
				}
			}()
			return next(e)
		}
	}, echoLayer(limit()))
	underEcho.POST("/login", func(echo.Context) error { panic("boom") })
	for name, h := range map[string]http.Handler{"gin": underGin, "echo": underEcho} {
		var rec bulwarktest.Recorder
		for i, want := range []int{500, 500, 429} {
			w := httptest.NewRecorder()
			rec.Wrap(h).ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
			if w.Code != want || want == 500 && w.Body.String() != "sorry" {
				t.Errorf("%s: guess %d: %d %s, want %d", name, i, w.Code, w.Body, want)
			}
		}
	}
}
