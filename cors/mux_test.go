package cors_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/cors"
)

// Around the mux the layer sees preflights. Around one handler the mux answers
// them, which the package comment says.
func TestNitCorsAroundTheMux(t *testing.T) {
	layer := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://app.example.com"}}))
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	around, within := http.NewServeMux(), http.NewServeMux()
	around.Handle("POST /x", handler)
	within.Handle("POST /x", layer.Wrap(handler))
	for want, h := range map[int]http.Handler{http.StatusNoContent: layer.Wrap(around), http.StatusMethodNotAllowed: within} {
		r := httptest.NewRequest("OPTIONS", "/x", nil)
		r.Header = preflight("https://app.example.com", "POST")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("answer is %d, want %d", w.Code, want)
		}
	}
}
