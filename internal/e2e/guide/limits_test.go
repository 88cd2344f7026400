package guide

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// limitedAPI is our way to limit what fails, by address, and logins more tightly.
func limitedAPI(login, rest http.Handler) (http.Handler, error) {
	api, err := bulwark.Chain(ratelimit.Config{
		Name: "api", Key: ratelimit.ByIP, Rate: "100/15m", Count: ratelimit.Failures, Headers: ratelimit.Triple,
	})
	if err != nil {
		return nil, err
	}
	logins, err := bulwark.Chain(ratelimit.Config{
		Name: "login", Key: ratelimit.ByIP, Rate: "10/hour", Count: ratelimit.Failures, Headers: ratelimit.Triple,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /api/auth/login", logins.Wrap(login))
	mux.Handle("/api/", rest)
	return api.Wrap(mux), nil
}

// loginHandler answers as the guide's route does.
func loginHandler(w http.ResponseWriter, r *http.Request) {
	var body struct{ Password string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Password != "right" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusOK) // a handler that writes nothing has not succeeded yet
}

// missing answers 404 to all but one path.
func missing(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/there" {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

func TestLimits(t *testing.T) {
	their := theirs(t)
	ours := bulwark.Must(limitedAPI(http.HandlerFunc(loginHandler), http.HandlerFunc(missing)))
	our := serve(t, ours)
	wrong, right := call{"POST", "/api/auth/login", `{"password": "x"}`, nil}, call{"POST", "/api/auth/login", `{"password": "right"}`, nil}
	for name, base := range map[string]string{"theirs": their, "ours": our} {
		for range 5 { // what succeeds does not count
			if got := right.of(t, base); got.status != 200 {
				t.Fatalf("%s: a right login is %d", name, got.status)
			}
		}
		for n := range 10 {
			if got := wrong.of(t, base); got.status != 401 {
				t.Fatalf("%s: wrong login %d is %d", name, n+1, got.status)
			}
		}
		if got := wrong.of(t, base); got.status != 429 {
			t.Errorf("%s: the 11th wrong login is %d", name, got.status)
		}
		// The logins, the refused one with them, are failures of the API too.
		left := 0
		for n := range 100 {
			if got := (call{"GET", "/api/none", "", nil}).of(t, base); got.status != 404 {
				left = n
				break
			}
		}
		if left != 89 {
			t.Errorf("%s: %d further failures pass, want 89", name, left)
		}
		got := call{"GET", "/api/none", "", nil}.of(t, base)
		if got.status != 429 || got.header.Get("RateLimit-Limit") != "100" || got.header.Get("RateLimit-Remaining") != "0" ||
			got.header.Get("RateLimit-Reset") == "" || got.header.Get("Retry-After") == "" || got.header.Get("X-RateLimit-Limit") != "" {
			t.Errorf("%s: %d with %v", name, got.status, got.header)
		}
	}
}

// A caller who waits for the whole window has the whole quota again. Ours comes
// back one by one meanwhile: a failure each nine seconds.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := bulwark.Must(limitedAPI(http.HandlerFunc(loginHandler), http.HandlerFunc(missing)))
		fails := func() int {
			w := httptest.NewRecorder()
			ours.ServeHTTP(w, httptest.NewRequest("GET", "/api/none", nil))
			return w.Code
		}
		passed := func() (n int) {
			for fails() == 404 {
				n++
			}
			return n
		}
		if n := passed(); n != 100 {
			t.Errorf("%d pass at once", n)
		}
		time.Sleep(9 * time.Second)
		if n := passed(); n != 1 {
			t.Errorf("%d pass after 9 seconds", n)
		}
		time.Sleep(15 * time.Minute)
		if n := passed(); n != 100 {
			t.Errorf("%d pass after the window", n)
		}
	})
}

// partnersAPI is our way to limit by API key.
func partnersAPI(keys *apikey.Keys, next http.Handler) (http.Handler, error) {
	stack, err := bulwark.Chain(
		auth.Config{Authenticators: []auth.Authenticator{keys}},
		ratelimit.Config{
			Name: "partner", Key: ratelimit.ByPrincipal, Rate: "100/minute",
			Tiers: ratelimit.Tiers{"premium": "1000/minute", "enterprise": "unlimited"},
		},
	)
	if err != nil {
		return nil, err
	}
	return stack.Wrap(next), nil
}

func TestTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the time stands still while requests pass
		keys := bulwark.Must(apikey.New(apikey.Config{
			Prefix: "acme", Issuer: "https://api.example.com/keys", Store: &apikey.MemoryStore{},
			Peppers: []apikey.Pepper{{Version: 1, Key: []byte(strings.Repeat("k", 32))}},
		}))
		api := bulwark.Must(partnersAPI(keys, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		for tier, want := range map[string]int{"default": 100, "premium": 1000, "enterprise": 3000} {
			issued := bulwark.Must(keys.Issue(context.Background(), apikey.Grant{Name: tier, Tier: tier}))
			passed := 0
			for range 3000 {
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Authorization", "ApiKey "+issued.Key)
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				if w.Code == 429 {
					break
				}
				passed++
			}
			if passed != want {
				t.Errorf("%s: %d requests pass, want %d", tier, passed, want)
			}
		}
		// A rotation leaves the old secret good for as long as the partner needs.
		issued := bulwark.Must(keys.Issue(context.Background(), apikey.Grant{Name: "rotated"}))
		rotated := bulwark.Must(keys.Rotate(context.Background(), issued.ID, 24*time.Hour))
		for _, tt := range []struct {
			after  time.Duration
			key    string
			status int
		}{{0, issued.Key, 200}, {0, rotated.Key, 200}, {25 * time.Hour, issued.Key, 401}, {0, rotated.Key, 200}} {
			time.Sleep(tt.after)
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "ApiKey "+tt.key)
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("after %v: %d, want %d", tt.after, w.Code, tt.status)
			}
		}
	})
}
