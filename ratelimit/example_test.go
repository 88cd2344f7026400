package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

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
		fmt.Printf("%d %s %q\n", w.Code, w.Header().Get("RateLimit"), w.Header().Get("Retry-After"))
	}
	// Output:
	// 200 "address";r=1;t=30 ""
	// 200 "address";r=0;t=30 ""
	// 429 "address";r=0;t=30 "30"
}

// A quota for each caller, by tier, inside an auth layer; and one for each
// address outside of it.
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
			Name:      "caller",
			Key:       ratelimit.ByPrincipal,
			Rate:      "100/minute",
			Tiers:     ratelimit.Tiers{"premium": "1000/minute", "enterprise": "unlimited"},
			Anonymous: "unlimited",
			// Chain does not know that the function above is an auth layer.
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

// A login limits failures by the address, before the body is read, and by the
// account, once it is known.
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

// Every mistake is reported when the program starts, and all of them at once.
func Example_incorrect() {
	_, err := ratelimit.New(ratelimit.Config{
		Name:  "caller",
		Key:   ratelimit.ByHeader("X-Forwarded-For"), // any client writes what it likes there
		Rate:  "100/min",
		Tiers: ratelimit.Tiers{"premium": "0/minute"},
	})
	fmt.Println(err)
	// Output:
	// ratelimit(caller).Key: must not read X-Forwarded-For: the client's address comes from bulwark.Edge, by ByIP
	// ratelimit(caller).Tiers: need a Key with ByPrincipal: only a principal has a tier
	// ratelimit(caller).Rate: 100/min: must name second, minute, hour, day or whole seconds up to 366 days such as "15m"
	// ratelimit(caller).Tiers[premium]: 0/minute: must begin with a whole number from 1 to 1000000000
}

// A limit that is being introduced counts and reports first.
func ExampleConfig_dryRun() {
	limit := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "trial", Key: ratelimit.ByIP, Rate: "1/hour", DryRun: true}))
	_, first, _ := limit.Take(context.Background(), "somebody")
	_, second, err := limit.Take(context.Background(), "somebody")
	fmt.Println(first.Exceeded, second.Exceeded, err)
	// Output: false true <nil>
}
