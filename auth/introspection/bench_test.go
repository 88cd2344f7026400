package introspection_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/internal/race"
)

// opaque is a token of usual length.
const opaque = "mF_9.B5f-4.1JqM0aBcDeFgHiJkLmNoPqRsTuVwXyZ"

// usual is an answer of usual size.
func usual() string {
	return changed(map[string]string{
		"iat": "1700000000", "jti": `"d5e9f7a0"`, "client_id": `"app"`, "username": `"Alice"`, "token_type": `"Bearer"`,
		"scope": `"documents.read documents.write"`, "roles": `["user","moderator"]`,
	})
}

// protected is a handler behind auth with one introspector.
func protected(t testing.TB, c introspection.Config) http.Handler {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{mustNew(t, c)}})
	if err != nil {
		t.Fatal(err)
	}
	handler := layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, bearer(opaque)); w.Code != http.StatusOK {
		t.Fatalf("a good token got %d %s", w.Code, w.Body)
	}
	return handler
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	handler, r := protected(t, config(&server{answer: says(usual())})), bearer(opaque)
	w := httptest.NewRecorder()
	got := testing.AllocsPerRun(500, func() { handler.ServeHTTP(w, r) })
	t.Logf("%.0f allocations", got)
	if got > 3 {
		t.Errorf("%.0f allocations for a known token, at most 3 wanted", got)
	}
}

func BenchmarkMiddleware(b *testing.B) {
	b.Run("hit", func(b *testing.B) {
		handler, r := protected(b, config(&server{answer: says(usual())})), bearer(opaque)
		w := httptest.NewRecorder()
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(w, r)
		}
	})
	b.Run("miss", func(b *testing.B) { // the transport, in memory, included
		handler := protected(b, config(&server{answer: says(usual())}))
		w := httptest.NewRecorder()
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			handler.ServeHTTP(w, bearer(strconv.Itoa(n)))
		}
	})
	b.Run("inactive", func(b *testing.B) {
		i := mustNew(b, config(&server{answer: says(`{"active":false}`)}))
		b.ReportAllocs()
		for b.Loop() {
			i.Verify(b.Context(), opaque)
		}
	})
	b.Run("parallel-hit", func(b *testing.B) {
		i := mustNew(b, config(&server{answer: says(usual())}))
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i.Verify(b.Context(), opaque)
			}
		})
	})
}

func BenchmarkRead(b *testing.B) {
	i := mustNew(b, config(&server{}))
	body, now := []byte(usual()), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		i.Read(body, now)
	}
}
