package bulwark_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// The layers of a service, outermost first. Callers have an API key, or are
// anonymous. Serve the handler with headers/transport.
func ExampleChain() {
	keys, err := apikey.New(apikey.Config{
		Prefix:  "acme",
		Issuer:  "https://api.example.com/keys",
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
		Store:   &apikey.MemoryStore{},
	})
	if err != nil {
		log.Fatal(err)
	}
	stack, err := bulwark.Chain(
		audit.Config{},
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		headers.Config{},
		cors.Config{Origins: []string{"https://app.example.com"}},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth.Config{Authenticators: []auth.Authenticator{keys}, Optional: true},
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute"},
	)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		_, known := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintln(w, "hello", bulwark.ClientIP(r), known)
	})
	handler := stack.Wrap(mux)

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/hello", nil))
	fmt.Print(w.Code, " ", w.Header().Get("X-Content-Type-Options"), " ", w.Body)

	w = httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "https://other.example.com/hello", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output:
	// 200 nosniff hello 192.0.2.1 false
	// 421 application/problem+json
}

// Chain returns all mistakes at once, also those in the order of the layers.
func ExampleChain_incorrect() {
	_, err := bulwark.Chain(
		headers.Config{},
		audit.Config{},
		bulwark.Edge{Hosts: []string{"https://api.example.com"}, BaseURL: "api.example.com"},
		nil,
	)
	fmt.Println(err)
	// Output:
	// edge.Hosts[0]: https://api.example.com: is not a host; write api.example.com, api.example.com:8443 with a port from 1 to 65535, or an IPv6 address in brackets
	// edge.BaseURL: must be an http or https URL such as https://api.example.com
	// bulwark.Chain[3]: is nil; remove it, or write a Config such as headers.Config{}
	// bulwark.Chain[1]: audit: put audit outside all other layers, and only once: a refusal outside audit is not recorded
}

// A handler refuses with a Problem of its own. The client sees the body, and
// only the log sees the fields Log and Err.
func ExampleDeny() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{
			Status: http.StatusConflict,
			Code:   "documents.changed",
			Detail: "The document has changed. Read it again.",
			Log:    bulwark.ProblemLog{Rule: "version"},
			Err:    fmt.Errorf("version %d is stored", 8),
		})
	})

	var events bulwarktest.Recorder // in place of audit.Config
	stack := bulwark.Must(bulwark.Chain(&events, bulwark.Edge{
		Hosts:     []string{"api.example.com"},
		RequestID: func(*http.Request) string { return "example-1" },
	}))
	w := httptest.NewRecorder()
	stack.Wrap(handler).ServeHTTP(w, httptest.NewRequest("PUT", "https://api.example.com/documents/7", nil))

	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	fmt.Print(w.Body)
	for _, e := range events.Take() {
		fmt.Println(e.Level, e.Name, e.Status, e.Reason, e.Rule, e.Path, e.Attrs[0])
	}
	// Output:
	// 409 application/problem+json
	// {"type":"about:blank","title":"Conflict","status":409,"detail":"The document has changed. Read it again.","instance":"urn:request:example-1","code":"documents.changed"}
	// INFO input_validation_fail 409 documents.changed version /documents/7 error=version 8 is stored
}

// The handler of a login reports whether the login failed. Report fills in the
// client, the path and the request id.
func ExampleReport() {
	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := r.PostFormValue("user")
		if r.PostFormValue("password") != "correct horse" {
			bulwark.Report(r, bulwark.Event{
				Name:   bulwark.AuthnLoginFail,
				UserID: user,
				Status: http.StatusUnauthorized,
				Reason: "login.password",
			})
			http.Error(w, "The name or the password is wrong.", http.StatusUnauthorized)
			return
		}
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginSuccess, UserID: user})
	})

	var events bulwarktest.Recorder // in place of audit.Config
	handler := events.Wrap(login)
	for _, password := range []string{"guess", "correct+horse"} {
		r := httptest.NewRequest("POST", "/login", strings.NewReader("user=alice&password="+password))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, e := range events.Take() {
		fmt.Println(e.Level, e.Name, e.UserID, e.ClientIP, e.Path, e.Reason)
	}
	// Output:
	// WARN authn_login_fail alice 192.0.2.1 /login login.password
	// INFO authn_login_success alice 192.0.2.1 /login
}

// A test of a handler chooses the caller. No credential is needed.
func ExampleWithPrincipal() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok := bulwark.PrincipalFrom(r.Context())
		if !ok {
			fmt.Println("hello, stranger")
			return
		}
		fmt.Println("hello,", caller.Subject, caller.HasRole("editor"))
	})

	r := httptest.NewRequest("GET", "/", nil)
	handler.ServeHTTP(httptest.NewRecorder(), r)

	alice := &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice", Roles: []string{"editor"}}
	r = r.WithContext(bulwark.WithPrincipal(r.Context(), alice))
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// hello, stranger
	// hello, alice true
}
