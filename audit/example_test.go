package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// steady leaves out what is new with each run, for the sake of the examples.
func steady(_ []string, attr slog.Attr) slog.Attr {
	switch attr.Key {
	case slog.TimeKey, "timestamp", "requestId", "durationMs", "first", "last":
		return slog.Attr{}
	}
	return attr
}

func Example() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	stack := bulwark.Must(bulwark.Chain(audit.Config{Logger: logger}))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "documents.not_yours"})
	})
	h := stack.Wrap(mux)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents/42%0AFAKE", nil))

	// At the end of the program; the server has been shut down before.
	if err := stack.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"level":"WARN","msg":"security event","type":"security","event":"authz_fail","ip":"192.0.2.1","userId":"","path":"/documents/42\\x0aFAKE","method":"GET","route":"GET /documents/{id}","reason":"documents.not_yours","status":403}
}

// Twenty lines, and then one with a count.
func ExampleConfig_flood() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	layer := bulwark.Must(audit.New(audit.Config{Logger: logger, MaxOneByOne: 1}))
	h := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	for range 1000 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	layer.Close()
	// Output:
	// {"level":"INFO","msg":"security event","type":"security","event":"authz_fail","ip":"192.0.2.1","userId":"","path":"/","method":"GET","reason":"audit.unreported","status":401}
	// {"level":"INFO","msg":"security event","type":"security","event":"authz_fail","ip":"192.0.2.1","userId":"","path":"/","method":"GET","reason":"audit.unreported","status":401,"count":999}
}

func ExampleConfig_accessLog() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	layer := bulwark.Must(audit.New(audit.Config{Logger: logger, AccessLog: true, AccessQuery: []string{"limit"}}))
	h := layer.Wrap(http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents?limit=50&secret=hunter2", nil))
	layer.Close()
	// Output:
	// level=INFO msg=request type=access ip=192.0.2.1 userId="" path=/documents method=GET status=404 bytes=19 query="limit=50&[redacted]"
}

func ExampleSecret() {
	password := audit.NewSecret("correct horse battery staple")
	fmt.Printf("%v %q %x %+v\n", password, password, password, struct{ password audit.Secret }{password}.password)
	fmt.Println(len(password.Reveal()))
	// Output:
	// [redacted] [redacted] [redacted] [redacted]
	// 28
}

// An audit layer inside another layer does not see what that one refuses.
func ExampleConfig_order() {
	_, err := bulwark.Chain(
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		audit.Config{},
	)
	fmt.Println(err)
	// Output:
	// bulwark.Chain[1]: audit: put audit outside all other layers, once: what they refuse must be recorded
}

// Every mistake is reported when the program starts, and all of them at once.
func Example_incorrect() {
	_, err := audit.New(audit.Config{
		Logger:        slog.Default(),
		Sinks:         []slog.Handler{slog.Default().Handler(), nil},
		AccessLog:     true,
		AccessQuery:   []string{"limit", "access_token"},
		AccessHeaders: []string{"Authorization"},
		MaxOneByOne:   1_000_000,
	})
	fmt.Println(err)
	// Output:
	// audit.Logger: is given beside Sinks; put its Handler into Sinks
	// audit.Sinks[1]: is nil; remove it or give it a handler
	// audit.AccessQuery[1]: access_token: sounds like a credential, which is never logged
	// audit.AccessHeaders[0]: Authorization: sounds like a credential, which is never logged
	// audit.MaxOneByOne: 1000000: must be 1 to 10000, or 0 for 20
}
