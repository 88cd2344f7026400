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

// The case of many addresses meets each of them. By the address of the scope,
// which all requests share, it would meet one.
func TestSpreadMeetsEachAddress(t *testing.T) {
	wrap, err := bench.ByHost().New(1, time.Hour, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	run := bench.Spread(wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ })), true)
	defer run.Close()
	for range 2 * 100_000 {
		run.Do()
	}
	// The address of the first request of all is another one. A few keys may
	// share a full bucket of the table.
	if passed < 100_000+1 || passed > 100_000+50 {
		t.Errorf("%d requests pass, want one of each of 100,000 addresses and the first", passed)
	}
}

// A flood of addresses neither grows our memory nor lets anybody pass again. A
// memory that evicts what was used least recently does.
func TestFloods(t *testing.T) {
	floods, err := bench.Floods(5_000)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range floods {
		grows := f.Grown > 5_000*16
		if want := i > 0; grows != want {
			t.Errorf("%s: the heap grows by %d bytes: %t, want %t", f.Limiter, f.Grown, grows, want)
		}
		if want := map[bool]int64{true: 200, false: 10}[f.Limiter == "throttled"]; f.Passed != want {
			t.Errorf("%s: %d requests pass, want %d", f.Limiter, f.Passed, want)
		}
	}
}
