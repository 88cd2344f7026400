package guide

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/cors"
)

// crossOrigin is our way to let pages of other origins call.
func crossOrigin(next http.Handler) (http.Handler, error) {
	stack, err := bulwark.Chain(cors.Config{
		Origins:     cors.Origins(os.Getenv("ALLOWED_ORIGINS")),
		Methods:     []string{"GET", "POST", "PUT", "DELETE"},
		Headers:     []string{"Content-Type", "Authorization"},
		Expose:      []string{"X-Total-Count"},
		Credentials: true,
		MaxAge:      24 * time.Hour,
	})
	if err != nil {
		return nil, err
	}
	return stack.Wrap(next), nil
}

func TestCORS(t *testing.T) {
	their := theirs(t)
	t.Setenv("ALLOWED_ORIGINS", allowedOrigins)
	our := serve(t, bulwark.Must(crossOrigin(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) }))))
	ask := func(origin, method string) map[string]string {
		return map[string]string{"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
	}
	grants := []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"}
	for _, tt := range []struct {
		name     string
		call     call
		them, we int
		granted  bool
	}{
		{"a preflight of ours", call{"OPTIONS", "/cors", "", ask("https://app.example.com", "PUT")}, 204, 204, true},
		{"a preflight of another origin", call{"OPTIONS", "/cors", "", ask("https://evil.example", "PUT")}, 204, 403, false},
		{"a request of ours", call{"GET", "/cors", "", map[string]string{"Origin": "https://admin.example.com"}}, 200, 200, true},
		{"a request of another origin", call{"GET", "/cors", "", map[string]string{"Origin": "https://evil.example"}}, 200, 200, false},
		{"a look-alike", call{"GET", "/cors", "", map[string]string{"Origin": "https://app.example.com.evil.example"}}, 200, 200, false},
		{"no origin", call{"GET", "/cors", "", nil}, 200, 200, false},
	} {
		them, we := tt.call.of(t, their), tt.call.of(t, our)
		if them.status != tt.them || we.status != tt.we {
			t.Errorf("%s: theirs %d, ours %d, want %d and %d", tt.name, them.status, we.status, tt.them, tt.we)
		}
		origin := tt.call.header["Origin"]
		for side, got := range map[string]answer{"theirs": them, "ours": we} {
			if granted := got.header.Get(grants[0]) == origin && origin != ""; granted != tt.granted {
				t.Errorf("%s: %s has %s: %q", tt.name, side, grants[0], got.header.Get(grants[0]))
			}
			if tt.granted && got.header.Get(grants[1]) != "true" {
				t.Errorf("%s: %s has no credentials", tt.name, side)
			}
			if tt.granted && tt.call.method == "OPTIONS" && got.header.Get("Access-Control-Max-Age") != "86400" {
				t.Errorf("%s: %s has the age %q", tt.name, side, got.header.Get("Access-Control-Max-Age"))
			}
			if tt.granted && tt.call.method == "GET" && got.header.Get(grants[2]) != "X-Total-Count" {
				t.Errorf("%s: %s exposes %q", tt.name, side, got.header.Get(grants[2]))
			}
			if !tt.granted && tt.call.method == "GET" && !strings.Contains(strings.Join(got.header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s: %s does not vary by origin", tt.name, side)
			}
		}
		if !tt.granted {
			for _, name := range grants {
				if we.header.Get(name) != "" {
					t.Errorf("%s: ours has %s", tt.name, name)
				}
			}
		}
	}
	// What is wrong in the variable is told at start.
	for _, list := range []string{"", "*", "https://app.example.com/", "http://app.example.com", "null", "https://*.com"} {
		t.Setenv("ALLOWED_ORIGINS", list)
		if _, err := crossOrigin(http.NotFoundHandler()); err == nil {
			t.Errorf("ALLOWED_ORIGINS=%s is accepted", list)
		}
	}
}
