package introspection_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestConfigErrors(t *testing.T) {
	authorize := func(*http.Request) error { return nil }
	for _, test := range []struct {
		name   string
		change func(*introspection.Config)
		want   []string
	}{
		{"good", func(*introspection.Config) {}, nil},
		{"zero", func(c *introspection.Config) { *c = introspection.Config{} },
			[]string{"introspection.Audience", "introspection.Client.Secret", "introspection.Endpoint", "introspection.Issuer"}},
		{"all-at-once", func(c *introspection.Config) {
			c.Endpoint, c.Skew, c.Client.Timeout, c.Client.MaxAnswerBytes, c.Cache.Lifetime = "http://issuer.example/", time.Hour, -1, -1, time.Hour
		}, []string{"introspection.Cache.Lifetime", "introspection.Client.MaxAnswerBytes", "introspection.Client.Timeout", "introspection.Endpoint", "introspection.Skew"}},
		{"endpoint-plain", func(c *introspection.Config) { c.Endpoint = "http://issuer.example/introspect" }, []string{"introspection.Endpoint"}},
		{"endpoint-plain-loopback", func(c *introspection.Config) { c.Endpoint = "http://127.0.0.1:8080/introspect" }, nil},
		{"endpoint-plain-localhost", func(c *introspection.Config) { c.Endpoint = "http://localhost/introspect" }, nil},
		{"endpoint-plain-ipv6-loopback", func(c *introspection.Config) { c.Endpoint = "http://[::1]/introspect" }, nil},
		{"endpoint-plain-address", func(c *introspection.Config) { c.Endpoint = "http://192.0.2.1/introspect" }, []string{"introspection.Endpoint"}},
		{"endpoint-looks-like-loopback", func(c *introspection.Config) { c.Endpoint = "http://127.0.0.1.example/" }, []string{"introspection.Endpoint"}},
		{"endpoint-with-user", func(c *introspection.Config) { c.Endpoint = "https://user:hunter2@issuer.example/" }, []string{"introspection.Endpoint"}},
		{"endpoint-with-fragment", func(c *introspection.Config) { c.Endpoint = endpoint + "#x" }, []string{"introspection.Endpoint"}},
		{"endpoint-with-empty-fragment", func(c *introspection.Config) { c.Endpoint = endpoint + "#" }, []string{"introspection.Endpoint"}},
		{"endpoint-with-query", func(c *introspection.Config) { c.Endpoint = endpoint + "?tenant=1" }, nil},
		{"endpoint-relative", func(c *introspection.Config) { c.Endpoint = "/introspect" }, []string{"introspection.Endpoint"}},
		{"endpoint-of-a-file", func(c *introspection.Config) { c.Endpoint = "file://host/etc/passwd" }, []string{"introspection.Endpoint"}},
		{"endpoint-broken", func(c *introspection.Config) { c.Endpoint = "https://%zz/" }, []string{"introspection.Endpoint"}},
		{"empty-audience", func(c *introspection.Config) { c.Audience = []string{audience, ""} }, []string{"introspection.Audience[1]"}},
		{"any-audience", func(c *introspection.Config) { c.Audience, c.InsecureAnyAudience = nil, true }, nil},
		{"any-audience-beside-one", func(c *introspection.Config) { c.InsecureAnyAudience = true }, []string{"introspection.InsecureAnyAudience"}},
		{"empty-type", func(c *introspection.Config) { c.Types = []string{"Bearer", ""} }, []string{"introspection.Types[1]"}},
		{"no-client", func(c *introspection.Config) { c.Client.ID, c.Client.Secret = "", "" }, []string{"introspection.Client.Secret"}},
		{"client-without-secret", func(c *introspection.Config) { c.Client.Secret = "" }, []string{"introspection.Client.Secret"}},
		{"secret-without-client", func(c *introspection.Config) { c.Client.ID = "" }, []string{"introspection.Client.ID"}},
		{"two-ways", func(c *introspection.Config) { c.Client.Authorize = authorize }, []string{"introspection.Client.Secret"}},
		{"authorize-alone", func(c *introspection.Config) { c.Client.ID, c.Client.Secret, c.Client.Authorize = "", "", authorize }, nil},
		{"certificate", func(c *introspection.Config) { c.Client.Secret, c.Client.Certificate = "", true }, nil},
		{"certificate-without-transport", func(c *introspection.Config) {
			c.Client.Secret, c.Client.Certificate, c.Client.Transport = "", true, nil
		}, []string{"introspection.Client.Transport"}},
		{"certificate-without-client", func(c *introspection.Config) {
			c.Client.ID, c.Client.Secret, c.Client.Certificate = "", "", true
		}, []string{"introspection.Client.ID"}},
		{"certificate-without-TLS", func(c *introspection.Config) {
			c.Client.Secret, c.Client.Certificate, c.Endpoint = "", true, "http://127.0.0.1/"
		}, []string{"introspection.Client.Certificate"}},
		{"timeout-long", func(c *introspection.Config) { c.Client.Timeout = 31 * time.Second }, []string{"introspection.Client.Timeout"}},
		{"answer-large", func(c *introspection.Config) { c.Client.MaxAnswerBytes = 1<<20 + 1 }, []string{"introspection.Client.MaxAnswerBytes"}},
		{"token-large", func(c *introspection.Config) { c.MaxTokenBytes = 64<<10 + 1 }, []string{"introspection.MaxTokenBytes"}},
		{"token-negative", func(c *introspection.Config) { c.MaxTokenBytes = -1 }, []string{"introspection.MaxTokenBytes"}},
		{"concurrent-many", func(c *introspection.Config) { c.Client.MaxConcurrent = 1025 }, []string{"introspection.Client.MaxConcurrent"}},
		{"concurrent-negative", func(c *introspection.Config) { c.Client.MaxConcurrent = -1 }, []string{"introspection.Client.MaxConcurrent"}},
		{"cache-long", func(c *introspection.Config) { c.Cache.Lifetime = 61 * time.Second }, []string{"introspection.Cache.Lifetime"}},
		{"cache-none", func(c *introspection.Config) { c.Cache.Lifetime, c.Cache.InactiveLifetime, c.Cache.Max = -1, -1, -1 }, nil},
		{"inactive-long", func(c *introspection.Config) { c.Cache.InactiveLifetime = 6 * time.Second }, []string{"introspection.Cache.InactiveLifetime"}},
		{"outage-long", func(c *introspection.Config) { c.InsecureOnOutage = time.Hour + 1 }, []string{"introspection.InsecureOnOutage"}},
		{"outage-negative", func(c *introspection.Config) { c.InsecureOnOutage = -1 }, []string{"introspection.InsecureOnOutage"}},
		{"outage-without-cache", func(c *introspection.Config) { c.InsecureOnOutage, c.Cache.Max = time.Minute, -1 }, []string{"introspection.InsecureOnOutage"}},
		{"outage-without-cache-time", func(c *introspection.Config) { c.InsecureOnOutage, c.Cache.Lifetime = time.Minute, -1 }, []string{"introspection.InsecureOnOutage"}},
		{"unbound-alone", func(c *introspection.Config) { c.InsecureUnbound = true }, []string{"introspection.InsecureUnbound"}},
		{"unbound-beside-certificates", func(c *introspection.Config) { c.InsecureUnbound, c.MutualTLS = true, true }, nil},
		{"unmade-dpop", func(c *introspection.Config) { c.DPoP = &dpop.Verifier{} }, []string{"introspection.DPoP"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{})
			test.change(&c)
			i, err := introspection.New(c)
			if got := fieldsOf(err, c.Issuer); !slices.Equal(got, test.want) || (i == nil) != (err != nil) {
				t.Errorf("errors for %q, want %q: %v", got, test.want, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

// fieldsOf returns the paths of all ConfigErrors in err, sorted and without the
// issuer, which each path of a Config with an issuer has.
func fieldsOf(err error, issuer string) []string {
	fields := faulttest.Sorted(err)
	for i, field := range fields {
		if rest, ok := strings.CutPrefix(field, "introspection("+issuer+")"); ok && issuer != "" {
			fields[i] = "introspection" + rest
		} else if issuer != "" {
			fields[i] = field + " without the issuer"
		}
	}
	return fields
}

// What the caller of New changes afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	s := &server{answer: says(with("token_type", `"special"`))}
	c := config(s)
	c.Types = []string{"Special"}
	i := mustNew(t, c)
	c.Audience[0], c.Types[0] = "elsewhere", "elsewhere"
	if _, err := i.Verify(t.Context(), "token"); err != nil {
		t.Error(err)
	}
}

func TestUnmade(t *testing.T) {
	for name, i := range map[string]*introspection.Introspector{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			if i.Detect(bearer("token")) != auth.None || i.Issuer() != "" || len(i.Challenges()) != 1 || i.Challenges()[0].String() != "Bearer" {
				t.Error("it claims something")
			}
			if p, err := i.Authenticate(bearer("token")); p != nil || !slices.Equal(faulttest.Sorted(err), []string{"introspection"}) {
				t.Errorf("%v, %v", p, err)
			}
			if p, err := i.Verify(t.Context(), "token"); p != nil || !slices.Equal(faulttest.Sorted(err), []string{"introspection"}) {
				t.Errorf("%v, %v", p, err)
			}
			if err := i.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if i != nil {
				if _, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{i}}); err == nil {
					t.Error("a chain takes it")
				}
			}
		})
	}
}

func TestOnOutageIsReportedOnce(t *testing.T) {
	var lines bytes.Buffer
	logTo(t, slog.NewTextHandler(&lines, nil))
	c := config(&server{})
	mustNew(t, c)
	if lines.Len() > 0 {
		t.Errorf("without it: %s", &lines)
	}
	c.InsecureOnOutage = 10 * time.Minute
	mustNew(t, c)
	if text := lines.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "InsecureOnOutage") || !strings.Contains(text, "for=10m0s") {
		t.Errorf("log %q", text)
	}
}

func TestDetect(t *testing.T) {
	for _, test := range []struct {
		name, header string
		dpop         bool
		want         auth.Presence
	}{
		{"nothing", "", false, auth.None},
		{"bearer", "Bearer token", false, auth.Fallback},
		{"lower-case", "bearer token", false, auth.Fallback},
		{"malformed-token", "Bearer to ken", false, auth.Fallback},
		{"basic", "Basic dXNlcjpwYXNz", false, auth.None},
		{"dpop-unconfigured", "DPoP token", false, auth.None},
		{"dpop", "DPoP token", true, auth.Fallback},
		{"bearer-beside-dpop", "Bearer token", true, auth.Fallback},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{})
			if test.dpop {
				c.DPoP = newDPoP(t)
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
			if got := mustNew(t, c).Detect(r); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}
