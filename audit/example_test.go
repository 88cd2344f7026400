package audit_test

import (
	"context"
	"fmt"
	"io"
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

// A refusal is one line of JSON. The time, the timestamp and the id of the
// request are left out here, because they are new with each run.
func Example() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	stack, err := bulwark.Chain(audit.Config{Logger: logger})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "documents.not_yours"})
	})
	handler := stack.Wrap(mux)

	// The client tries to forge a second line; the line break is escaped.
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents/42%0AFAKE", nil))

	// At the end of the program, after the server has stopped. transport.Serve
	// does this.
	if err := stack.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"level":"WARN","msg":"security event","type":"security","event":"authz_fail","ip":"192.0.2.1","userId":"","path":"/documents/42\\x0aFAKE","method":"GET","route":"GET /documents/{id}","reason":"documents.not_yours","status":403}
}

// The access log has one record for each request. It shows only the query
// parameters and the headers that the Config names.
func ExampleConfig_accessLog() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	layer, err := audit.New(audit.Config{
		Logger:        logger,
		AccessLog:     true,
		AccessQuery:   []string{"limit"},
		AccessHeaders: []string{"User-Agent"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "[]") })
	handler := layer.Wrap(mux)

	r := httptest.NewRequest("GET", "/documents?limit=50&secret=hunter2", nil)
	r.Header.Set("User-Agent", "curl/8.5.0")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	layer.Close()
	// Output:
	// {"level":"INFO","msg":"request","type":"access","ip":"192.0.2.1","userId":"","path":"/documents","method":"GET","route":"GET /documents","status":200,"bytes":2,"query":"limit=50&[redacted]","headers":{"user-agent":"curl/8.5.0"}}
}

// For people, a handler of text writes the same records.
func ExampleConfig_text() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	layer := bulwark.Must(audit.New(audit.Config{Logger: logger, AccessLog: true}))
	handler := layer.Wrap(http.NotFoundHandler())
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents", nil))
	layer.Close()
	// Output:
	// level=INFO msg=request type=access ip=192.0.2.1 userId="" path=/documents method=GET status=404 bytes=19
}

// Of a thousand equal events, the first MaxOneByOne are written one by one, and
// one record has the count of the others.
func ExampleConfig_flood() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	layer := bulwark.Must(audit.New(audit.Config{Logger: logger, MaxOneByOne: 1}))
	handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	for range 1000 {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	layer.Close()
	// Output:
	// {"level":"INFO","msg":"security event","type":"security","event":"authz_fail","ip":"192.0.2.1","userId":"","path":"/","method":"GET","reason":"audit.unreported","status":401,"error":"the handler wrote the status itself; a refusal by bulwark.Deny has its reason in the log"}
	// {"level":"INFO","msg":"security event","type":"security","event":"authz_fail","ip":"192.0.2.1","userId":"","path":"/","method":"GET","reason":"audit.unreported","status":401,"count":999}
}

func ExampleSecret() {
	password := audit.NewSecret("correct horse battery staple")
	fmt.Printf("%v %q %x %+v\n", password, password, password, struct{ password audit.Secret }{password}.password)
	fmt.Println(len(password.Reveal()))
	// Output:
	// [redacted] [redacted] [redacted] [redacted]
	// 28
}

// An audit layer inside another layer does not see what that layer refuses.
func ExampleConfig_order() {
	_, err := bulwark.Chain(
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		audit.Config{},
	)
	fmt.Println(err)
	// Output:
	// bulwark.Chain[1]: audit: put audit outside all other layers, and only once: a refusal outside audit is not recorded
}

// New returns every mistake at once, when the program starts.
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
	// audit.Logger: is set beside Sinks; put Logger.Handler() into Sinks
	// audit.Sinks[1]: is nil; remove it, or write a handler
	// audit.AccessQuery[1]: access_token: sounds like a credential, which is never logged; remove it
	// audit.AccessHeaders[0]: Authorization: sounds like a credential, which is never logged; remove it
	// audit.MaxOneByOne: 1000000: must be 1 to 10000, or 0 for the default of 20
}
