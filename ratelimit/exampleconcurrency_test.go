package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// One request runs. The next one waits for a millisecond and is refused, and the
// health check passes.
func ExampleConcurrency() {
	limit := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{
		Name:        "service",
		Max:         1,
		MaxWait:     time.Millisecond,
		HealthPaths: []string{"/health"},
	}))
	begun, finish := make(chan bool), make(chan bool)
	service := limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/documents" {
			begun <- true
			<-finish
		}
	}))
	ask := func(path string) int {
		w := httptest.NewRecorder()
		service.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code
	}

	var first sync.WaitGroup
	first.Go(func() { ask("/documents") })
	<-begun
	fmt.Println("second request:", ask("/documents"))
	fmt.Println("health check:", ask("/health"))
	close(finish)
	first.Wait()
	running, waiting := limit.Load()
	fmt.Println("afterwards:", running, "run,", waiting, "wait")
	// Output:
	// second request: 503
	// health check: 200
	// afterwards: 0 run, 0 wait
}

// NewConcurrency says what is missing. A Concurrency without Max would not
// protect anything.
func ExampleConcurrency_incorrect() {
	_, err := ratelimit.NewConcurrency(ratelimit.Concurrency{
		Name:        "service",
		Key:         ratelimit.ByPrincipal, // without MaxPerKey
		HealthPaths: []string{"health"},
	})
	fmt.Println(err)
	// Output:
	// ratelimit.Concurrency(service).Max: 0: must be 1 to 1000000: how many requests the service can work on at once, such as 100
	// ratelimit.Concurrency(service).MaxPerKey: 0: must be 1 to Max: how many requests of one key run at once, such as 10
	// ratelimit.Concurrency(service).HealthPaths[0]: health: is not the escaped path of a URL, such as /health
}

// An administrator unlocks an account whose owner has mistyped the password too
// often.
func ExampleMiddleware_ResetFor() {
	perLogin := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "login-pair", Rate: "3/hour"}))
	addr := netip.MustParseAddr("2001:db8::7")
	login := func() bool {
		_, _, err := perLogin.TakeFor(context.Background(), addr, "alice@example.com")
		return err == nil
	}
	fmt.Println(login(), login(), login(), login())

	// The event of the unlock goes to the audit layer of the request in ctx, or
	// in a job to Config.Recorder.
	if err := perLogin.ResetFor(context.Background(), addr, "alice@example.com"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(login())
	// Output:
	// true true true false
	// true
}

// A caller may have bought a rate of its own. The other callers have the rate of
// their tier.
func ExampleConfig_rateFor() {
	bought := map[string]ratelimit.Rate{"acme": "5000/minute"} // of a database
	limit := bulwark.Must(ratelimit.New(ratelimit.Config{
		Name:  "caller",
		Key:   ratelimit.ByPrincipal,
		Rate:  "100/minute",
		Tiers: ratelimit.Tiers{"premium": "1000/minute"},
		RateFor: func(ctx context.Context, p *bulwark.Principal) (ratelimit.Rate, error) {
			return bought[p.Subject], nil // a real look-up ends with ctx
		},
	}))
	h := limit.Wrap(http.NotFoundHandler())
	for _, p := range []*bulwark.Principal{
		{Issuer: "keys", Subject: "acme", Tier: "premium"},
		{Issuer: "keys", Subject: "other", Tier: "premium"},
	} {
		r, _ := bulwark.Identify(httptest.NewRequest("GET", "/", nil), p)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(p.Subject, w.Header().Get("RateLimit-Policy"))
	}
	// Output:
	// acme "caller";q=5000;w=60
	// other "caller";q=1000;w=60
}

// A proxy in front of a language model gives each tenant 10,000 tokens a day. It
// reserves 1,000 tokens for a request, and settles with the number that the
// model reports.
func ExampleReservation_Settle() {
	tokens := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "tokens", Rate: "10000/day"}))
	complete := func(prompt string) (used int) { return 40 * len(prompt) } // asks the model

	for _, prompt := range []string{"hello", "a prompt that needs more than was reserved"} {
		reservation, result, err := tokens.TakeN(context.Background(), 1000, "acme")
		if err != nil {
			fmt.Println(err)
			return
		}
		used := complete(prompt)
		fmt.Println(result.Remaining, "left of the reservation, used", used)
		if err := reservation.Settle(used); err != nil {
			fmt.Println(err) // the estimate stays counted
		}
	}
	_, result, _ := tokens.TakeN(context.Background(), 1, "acme")
	fmt.Println(result.Remaining)
	// Output:
	// 9000 left of the reservation, used 200
	// 8800 left of the reservation, used 1680
	// 8119
}
