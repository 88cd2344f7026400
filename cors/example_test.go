package cors_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/cors"
)

// An API behind a single-page application on another origin.
func Example() {
	allowedOrigins := "https://app.example.com, https://admin.example.com" // os.Getenv("ALLOWED_ORIGINS")
	stack, err := bulwark.Chain(cors.Config{
		Origins:     cors.Origins(allowedOrigins),
		Methods:     []string{"GET", "POST", "PUT", "DELETE"},
		Headers:     []string{"Content-Type", "Authorization"},
		Expose:      []string{"X-Total-Count"},
		Credentials: true, // cookies
		MaxAge:      24 * time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	r := httptest.NewRequest("OPTIONS", "/documents", nil)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", "PUT")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Access-Control-Allow-Origin"))

	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // the event
	r.Header.Set("Origin", "https://evil.example")
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "cors.origin"))
	// Output:
	// 204 https://app.example.com
	// 403 true
}

// New returns every mistake at once, when the program starts.
func Example_incorrect() {
	_, err := cors.New(cors.Config{
		Origins:     []string{"https://app.example.com/", "https://*example.com", "null"},
		Methods:     []string{"patch"},
		Credentials: true,
	})
	fmt.Println(err)
	// Output:
	// cors.Origins[0]: https://app.example.com/: must not end with a slash
	// cors.Origins[1]: https://*example.com: has a * that is not the whole first label; write https://*.example.com
	// cors.Origins[2]: null: is the origin of every sandboxed frame and local file, on every site; write the origin of the page
	// cors.Methods[0]: patch: must be in upper case, because methods are case-sensitive; write PATCH
}
