package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Each address may send two requests a minute.
func Example() {
	limit, err := ratelimit.New(ratelimit.Config{
		Name: "address",
		Key:  ratelimit.ByIP,
		Rate: "2/minute",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		fmt.Printf("%d RateLimit: %s Retry-After: %q\n", w.Code, w.Header().Get("RateLimit"), w.Header().Get("Retry-After"))
	}
	// Output:
	// 200 RateLimit: "address";r=1;t=30 Retry-After: ""
	// 200 RateLimit: "address";r=0;t=30 Retry-After: ""
	// 429 RateLimit: "address";r=0;t=30 Retry-After: "30"
}

// Each address may send two wrong passwords an hour. A right password does not
// use the limit up. The handler only has to answer with a status of 400 or
// above for a wrong password.
func Example_login() {
	limit, err := ratelimit.New(ratelimit.Config{
		Name:  "login",
		Key:   ratelimit.ByIP,
		Rate:  "2/hour",
		Count: ratelimit.Failures,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	login := limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("password") != "correct horse" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	for _, password := range []string{"guess1", "correct+horse", "guess2", "guess3"} {
		w := httptest.NewRecorder()
		login.ServeHTTP(w, httptest.NewRequest("POST", "/login?password="+password, nil))
		fmt.Println(password, w.Code)
	}
	// Output:
	// guess1 401
	// correct+horse 204
	// guess2 401
	// guess3 429
}

// Each address may send two requests a minute, and three in a day. The third
// request at once is refused by the window of a minute, and costs nothing of the
// day.
func Example_windows() {
	limit, err := ratelimit.New(ratelimit.Config{
		Name: "api",
		Key:  ratelimit.ByIP,
		Rate: "2/minute; 3/day",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := limit.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		fmt.Println(w.Code, w.Header().Get("RateLimit"))
	}
	// Output:
	// 200 "api-minute";r=1;t=30, "api-day";r=2;t=28800
	// 200 "api-minute";r=0;t=30, "api-day";r=1;t=28800
	// 429 "api-minute";r=0;t=30, "api-day";r=1;t=28800
}

// Each account has a quota for a day of Paris, which ends at midnight there. In
// the night to the last Sunday of March that is after 23 hours.
func Example_calendar() {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		fmt.Println(err)
		return
	}
	quota, err := ratelimit.New(ratelimit.Config{
		Name:     "export",
		Rate:     "2/day",
		Calendar: paris,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		_, result, err := quota.Take(context.Background(), "acme")
		fmt.Println("refused:", err != nil, "left:", result.Remaining, "ends today:", result.Reset <= 25*time.Hour)
	}
	// Output:
	// refused: false left: 1 ends today: true
	// refused: false left: 0 ends today: true
	// refused: true left: 0 ends today: true
}

// No address has more than two wrong passwords in any hour, wherever the hour
// begins. By the default algorithm a client that has paused has three.
func Example_slidingLog() {
	limit, err := ratelimit.New(ratelimit.Config{
		Name:  "login",
		Key:   ratelimit.ByIP,
		Rate:  "2/hour,sliding-log",
		Count: ratelimit.Failures,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	login := limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	for range 3 {
		w := httptest.NewRecorder()
		login.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
		fmt.Printf("%d Retry-After: %q\n", w.Code, w.Header().Get("Retry-After"))
	}
	// Output:
	// 401 Retry-After: ""
	// 401 Retry-After: ""
	// 429 Retry-After: "3600"
}

// The limit "caller" gives each caller the rate of its tier, and stands inside
// the auth layer. The limit "address" bounds each address, and stands outside.
func Example_tiers() {
	auth := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			partner := &bulwark.Principal{Issuer: "keys", Subject: r.Header.Get("X-Example-Key"), Tier: "premium"}
			r, _ = bulwark.Identify(r, partner)
			next.ServeHTTP(w, r)
		})
	})
	stack, err := bulwark.Chain(
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth,
		ratelimit.Config{
			Name:  "caller",
			Key:   ratelimit.ByPrincipal,
			Rate:  "100/minute",
			Tiers: ratelimit.Tiers{"premium": "1000/minute", "enterprise": "unlimited"},
			// The limit by address outside also bounds anonymous requests.
			Anonymous: "unlimited",
			// Chain cannot see that the function above is an auth layer. With
			// auth.Config in its place, leave AuthOutside out.
			AuthOutside: true,
		},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Example-Key", "acme")
	stack.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
	for _, member := range w.Header().Values("RateLimit-Policy") {
		fmt.Println(member)
	}
	// Output:
	// "address";q=600;w=60
	// "caller";q=1000;w=60
}

// A login limits failures three times: by address before the body is read, then
// by account and address, then by account.
func ExampleMiddleware_Take() {
	store := &ratelimit.MemoryStore{Max: 1 << 16}
	byAddress := bulwark.Must(ratelimit.New(ratelimit.Config{
		Name: "login", Key: ratelimit.ByIP, Rate: "10/hour", Count: ratelimit.Failures, Store: store}))
	byPair := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "login-pair", Rate: "3/hour", Store: store}))
	byAccount := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "login-account", Rate: "100/hour", Store: store}))

	login := byAddress.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := strings.ToLower(r.PostFormValue("email"))
		pair, _, err := byPair.TakeFor(r.Context(), bulwark.ClientIP(r), account)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		all, _, err := byAccount.Take(r.Context(), account)
		if err != nil {
			pair.Refund()
			bulwark.Deny(w, r, err)
			return
		}
		if r.PostFormValue("password") != "correct horse battery staple" {
			bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "login.failed", Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}})
			return
		}
		pair.Refund()
		all.Refund()
		fmt.Fprint(w, "welcome")
	}))

	for _, password := range []string{"guess1", "correct horse battery staple", "guess2", "guess3", "guess4"} {
		form := strings.NewReader("email=Alice@example.com&password=" + strings.ReplaceAll(password, " ", "+"))
		r := httptest.NewRequest("POST", "/login", form)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		login.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 401
	// 200
	// 401
	// 401
	// 429
}

// New reports all mistakes of a Config at once, when the program starts.
func Example_incorrect() {
	_, err := ratelimit.New(ratelimit.Config{
		Name:  "caller",
		Key:   ratelimit.ByHeader("X-Forwarded-For"), // any client can send this field
		Rate:  "100/min",
		Tiers: ratelimit.Tiers{"premium": "0/minute"},
	})
	fmt.Println(err)
	// Output:
	// ratelimit(caller).Key: must not read X-Forwarded-For, which any client can send; use ratelimit.ByIP, and name the proxies in bulwark.Edge.TrustedProxies
	// ratelimit(caller).Tiers: need a Key with ByPrincipal, because only a principal has a tier; set Key to ratelimit.ByPrincipal, or leave Tiers out
	// ratelimit(caller).Rate: 100/min: must have second, minute, hour, day, month or a duration after the slash; write for example "100/minute" or "100/15m", in whole seconds up to 366 days
	// ratelimit(caller).Tiers[premium]: 0/minute: must begin with a whole number from 1 to 1000000000; write for example "100/minute"
}

// A new limit counts and reports for a while before it refuses.
func ExampleConfig_dryRun() {
	limit := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "trial", Key: ratelimit.ByIP, Rate: "1/hour", DryRun: true}))
	_, first, _ := limit.Take(context.Background(), "somebody")
	_, second, err := limit.Take(context.Background(), "somebody")
	fmt.Println(first.Exceeded, second.Exceeded, err)
	// Output: false true <nil>
}
