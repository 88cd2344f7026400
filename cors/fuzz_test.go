package cors_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/cors"
)

// granted returns the Access-Control-Allow-Origin for a request from origin.
func granted(m *cors.Middleware, origin string) []string {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Origin"] = []string{origin}
	w := httptest.NewRecorder()
	m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Header()["Access-Control-Allow-Origin"]
}

func quiet(f *testing.F) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	f.Cleanup(func() { slog.SetDefault(before) })
}

// FuzzConfiguredOrigin asks another URL parser about every origin that New
// accepts: it must be nothing but scheme, host and port, and match itself.
func FuzzConfiguredOrigin(f *testing.F) {
	quiet(f)
	for _, origin := range goodOrigins {
		f.Add(origin)
	}
	for _, test := range badOrigins {
		f.Add(test.origin)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		m, err := cors.New(cors.Config{Origins: []string{origin}})
		if err != nil || origin == "*" {
			return
		}
		sent := strings.Replace(origin, "://*.", "://sub.", 1)
		u, err := url.Parse(sent)
		if err != nil {
			t.Fatalf("%q is accepted, and no URL: %v", origin, err)
		}
		if u.Host == "" || u.Scheme+"://"+u.Host != sent || u.User != nil || strings.ToLower(sent) != sent {
			t.Errorf("%q is accepted, and no origin: %+v", origin, u)
		}
		if got := granted(m, sent); len(got) != 1 || got[0] != sent {
			t.Errorf("%q is configured, and %q gets %q", origin, sent, got)
		}
		for _, other := range []string{sent + ".evil.example", "evil" + sent, sent + "/", strings.Replace(sent, "://", "://evil", 1)} {
			if strings.Contains(origin, "*") && strings.HasPrefix(other, u.Scheme+"://evil") {
				continue // evilsub.example.com is a subdomain, too
			}
			if got := granted(m, other); got != nil {
				t.Errorf("%q is configured, and %q gets %q", origin, other, got)
			}
		}
	})
}

// FuzzRequestOrigin sends anything to a fixed list. Whatever is allowed must be
// of it, as another URL parser sees it.
func FuzzRequestOrigin(f *testing.F) {
	quiet(f)
	m := bulwark.Must(cors.New(guide))
	for _, origin := range []string{"https://app.example.com", "https://a.apps.example.com:8443", "https://evil.example/.apps.example.com:8443",
		"https://a@b.apps.example.com:8443", "null", "", "https://a..apps.example.com:8443", "https://[::1].apps.example.com:8443"} {
		f.Add(origin)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		got := granted(m, origin)
		if got == nil {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || len(got) != 1 || got[0] != origin || u.Scheme+"://"+u.Host != origin {
			t.Fatalf("%q is allowed as %q", origin, got)
		}
		listed := origin == "https://app.example.com" || origin == "http://localhost:3000"
		if !listed && (u.Scheme != "https" || u.Port() != "8443" || !strings.HasSuffix(u.Hostname(), ".apps.example.com")) {
			t.Errorf("%q is allowed and not listed", origin)
		}
	})
}
