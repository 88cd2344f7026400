package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// TestCaseRl2LimitsUnderEachRouter puts two limits on a route as each router
// wants it: who is refused by one has lost nothing at the other.
func TestCaseRl2LimitsUnderEachRouter(t *testing.T) {
	both := func(day, burst bulwark.Layer) bulwark.Layer { return bulwark.Must(bulwark.Chain(day, burst)) }
	for name, open := range map[string]func(day, burst bulwark.Layer) http.Handler{
		"servemux": func(day, burst bulwark.Layer) http.Handler {
			return routed(day.Wrap(burst.Wrap(http.HandlerFunc(login))))
		},
		"chi-use": func(day, burst bulwark.Layer) http.Handler {
			router := chi.NewRouter()
			router.Use(day.Wrap, burst.Wrap)
			router.Post("/login", login)
			return router
		},
		"chi-with": func(day, burst bulwark.Layer) http.Handler {
			router := chi.NewRouter()
			router.With(day.Wrap).With(burst.Wrap).Post("/login", login)
			return router
		},
		"gorilla-use": func(day, burst bulwark.Layer) http.Handler {
			router := mux.NewRouter()
			router.Use(day.Wrap, burst.Wrap)
			router.HandleFunc("/login", login).Methods("POST")
			return router
		},
		"gin": func(day, burst bulwark.Layer) http.Handler {
			router := newGin()
			router.POST("/login", ginLayer(both(day, burst)), ginLogin)
			return router
		},
		"echo": func(day, burst bulwark.Layer) http.Handler {
			router := echo.New()
			router.POST("/login", echoLogin, echoLayer(both(day, burst)))
			return router
		},
		"huma": func(day, burst bulwark.Layer) http.Handler {
			return newHuma(huma.Operation{Middlewares: huma.Middlewares{humaLayer(both(day, burst))}})
		},
	} {
		limit := func(name string, rate ratelimit.Rate) bulwark.Layer {
			return bulwark.Must(ratelimit.New(ratelimit.Config{Name: name, Key: ratelimit.ByIP, Rate: rate, MaxKeys: 8}))
		}
		h := open(limit("day", "10/day"), limit("burst", "1/day"))
		var last http.Header
		statuses := map[int]int{}
		for range 8 {
			r := httptest.NewRequest("POST", "/login", nil)
			r.Header.Set("Password", "right")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			statuses[w.Code]++
			last = w.Header()
		}
		if statuses[200] != 1 || statuses[429] != 7 {
			t.Errorf("%s: statuses %v", name, statuses)
		}
		if got := last.Values("RateLimit"); len(got) != 2 || !slices.ContainsFunc(got, func(s string) bool { return len(s) > 10 && s[:10] == `"day";r=9;` }) {
			t.Errorf("%s: after one login and 7 refusals of the burst: RateLimit %q, want 9 left of the day", name, got)
		}
	}
}
