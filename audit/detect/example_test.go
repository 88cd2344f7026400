package detect_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
)

// Five documents that the caller may not read are five ordinary refusals. Ten
// of them are an enumeration, and the record names the rule.
func Example() {
	detector, err := detect.New(detect.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: only("event", "reason", "rule", "route", "seen")}))
	layer, err := audit.New(audit.Config{Logger: logger, Observers: []bulwark.Recorder{detector}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusNotFound, Code: "documents.not_found", Log: bulwark.ProblemLog{Event: bulwark.NoEvent}})
	})
	// The outer layers learn the route.
	routed := bulwark.RecordRoute(func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern })
	service := layer.Wrap(routed.Wrap(mux))

	for id := range 20 {
		service.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprint("/documents/", 100+7*id), nil))
	}
	layer.Shutdown(context.Background())
	// Output:
	// {"event":"malicious_direct_reference","route":"GET /documents/{id}","reason":"detect.enumeration","rule":"10 in 5m","seen":10}
}

// only keeps the attributes of these names, so that the output is short.
func only(names ...string) func([]string, slog.Attr) slog.Attr {
	return func(_ []string, a slog.Attr) slog.Attr {
		for _, name := range names {
			if a.Key == name {
				return a
			}
		}
		return slog.Attr{}
	}
}

// A login names the account in its events by a pseudonym. Two spellings of a
// name are one account, and the log does not have the name.
func ExampleDetector_Account() {
	detector, err := detect.New(detect.Config{AccountKey: audit.NewSecret("at least 32 random bytes from your secrets")})
	if err != nil {
		fmt.Println(err)
		return
	}
	login := func(w http.ResponseWriter, r *http.Request) {
		account := detector.Account(r.FormValue("email"))
		if r.FormValue("password") != "correct horse battery staple" {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.failed",
				Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail, Attrs: []slog.Attr{account}}})
			return
		}
		e := bulwark.Event{Name: bulwark.AuthnLoginSuccess, Issuer: "https://login.example.com", UserID: "u-1"}
		e.Attrs[0] = account
		bulwark.Report(r, e)
	}
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: only("event", "account")}))
	layer, err := audit.New(audit.Config{Logger: logger, Observers: []bulwark.Recorder{detector}})
	if err != nil {
		fmt.Println(err)
		return
	}
	service := layer.Wrap(http.HandlerFunc(login))

	for _, form := range []string{
		"email=alice@example.com&password=guess-1",
		"email=ALICE@example.com&password=guess-2",
		"email=Alice@Example.com&password=guess-3",
		"email=alice@example.com&password=correct horse battery staple",
	} {
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		service.ServeHTTP(httptest.NewRecorder(), r)
	}
	layer.Shutdown(context.Background())
	// Output:
	// {"event":"authn_login_fail","account":"225fc846acc8b91ce3355483c7f0421d"}
	// {"event":"authn_login_fail","account":"225fc846acc8b91ce3355483c7f0421d"}
	// {"event":"authn_login_fail","account":"225fc846acc8b91ce3355483c7f0421d"}
	// {"event":"authn_login_successafterfail","account":"225fc846acc8b91ce3355483c7f0421d"}
	// {"event":"authn_login_success","account":"225fc846acc8b91ce3355483c7f0421d"}
}

// A guard asks for a second factor where guesses came from. It looks at the
// address together with the account: if the account alone decided, anybody
// could lock its owner out.
func ExampleConfig() {
	type place struct {
		addr    netip.Addr
		account string
	}
	var mu sync.Mutex
	suspect := map[place]time.Time{} // in a service: a store with a bound
	detector, err := detect.New(detect.Config{
		OnAnomaly: func(_ context.Context, a detect.Anomaly) {
			if a.Rule != detect.BruteForce || a.Account == "" {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			suspect[place{a.ClientIP, a.Account}] = time.Now().Add(time.Hour)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	needsSecondFactor := func(addr netip.Addr, name string) bool {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Before(suspect[place{addr, detector.Account(name).Value.String()}])
	}

	attacker, home := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("198.51.100.20")
	for range 5 { // the audit layer does this, for each failed login
		e := bulwark.Event{Name: bulwark.AuthnLoginFail, ClientIP: attacker}
		e.Attrs[0] = detector.Account("alice@example.com")
		detector.Record(context.Background(), e)
	}
	fmt.Println("the attacker:", needsSecondFactor(attacker, "alice@example.com"))
	fmt.Println("alice at home:", needsSecondFactor(home, "alice@example.com"))
	fmt.Println("bob, from the same network:", needsSecondFactor(attacker, "bob@example.com"))
	// Output:
	// the attacker: true
	// alice at home: false
	// bob, from the same network: false
}

// New says what is wrong with a Config, and what to write instead.
func ExampleConfig_incorrect() {
	_, err := detect.New(detect.Config{
		AccountKey: audit.NewSecret("password"),
		BruteForce: detect.LeakConfig{Threshold: 1},
		Enumeration: detect.EnumerationConfig{
			Run:    2,
			Window: 48 * time.Hour,
		},
	})
	fmt.Println(err)
	// Output:
	// detect.AccountKey: has 8 bytes; write at least 32 random bytes
	// detect.BruteForce.Threshold: 1: must be 2 to 64, or 0 for the default of 5
	// detect.Enumeration.Run: 2: must be 3 to 100, or 0 for the default of 6
	// detect.Enumeration.Window: 48h0m0s: must be 1s to 24h0m0s, or 0 for the default of 5m0s
}
