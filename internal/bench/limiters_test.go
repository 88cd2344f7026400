package bench_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/bench"
)

// Whoever stands in the tables of limits lets as many pass as it was told, for
// each address apart.
func TestLimitersLimit(t *testing.T) {
	for _, l := range bench.Limiters() {
		t.Run(name(l.Name), func(t *testing.T) {
			wrap, err := l.New(3, time.Hour, 1024)
			if err != nil {
				t.Fatal(err)
			}
			h := wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			for _, address := range []string{"192.0.2.1:1000", "192.0.2.2:1000"} {
				for n := range 5 {
					r := httptest.NewRequest("GET", "/", nil)
					r.RemoteAddr = address
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					if want := map[bool]int{true: 204, false: 429}[n < 3]; w.Code != want {
						t.Errorf("request %d from %s: %d, want %d", n+1, address, w.Code, want)
					}
				}
			}
		})
	}
}

// The case of many addresses meets each of them, also where a layer reads the
// address from its scope. A scope that all requests shared would hold one.
func TestSpreadMeetsEachAddress(t *testing.T) {
	wrap, err := bench.Limiters()[0].New(1, time.Hour, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	run := bench.Spread(bench.Entering(wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }))))
	defer run.Close()
	for range 2 * 100_000 {
		run.Do()
	}
	// The address of the first request of all is another one.
	if passed != 100_000+1 {
		t.Errorf("%d requests pass, want one of each of 100,000 addresses and the first", passed)
	}
}
