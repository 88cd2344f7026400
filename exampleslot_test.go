package bulwark_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
)

// language is the language that the layer below has chosen for a request.
var language bulwark.Slot[string]

// A layer keeps a value on the request, and the handler reads it.
func ExampleSlot() {
	languages := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, scope := bulwark.Enter(r)
			if r.Header.Get("Accept-Language") == "de" {
				language.Set(scope, "German")
			}
			next.ServeHTTP(w, r)
		})
	})
	stack := bulwark.Must(bulwark.Chain(languages))
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, scope := bulwark.Enter(r)
		chosen, ok := language.Get(scope)
		fmt.Printf("%q %t\n", chosen, ok)
	}))

	r := httptest.NewRequest("GET", "/", nil)
	handler.ServeHTTP(httptest.NewRecorder(), r)
	r.Header.Set("Accept-Language", "de")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// "" false
	// "German" true
}
