package jwt_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// page answers for one URL.
type page func(*http.Request) (*http.Response, error)

// web answers in memory for all hosts, with 404 where it has no page, and keeps
// the URLs that it was asked for.
type web struct {
	mu    sync.Mutex
	pages map[string]page
	asked []string
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, r.URL.String())
	answer := w.pages[r.URL.String()]
	w.mu.Unlock()
	if answer == nil {
		answer = status(http.StatusNotFound)
	}
	return answer(r)
}

func (w *web) put(url string, answer page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pages == nil {
		w.pages = map[string]page{}
	}
	w.pages[url] = answer
}

// took returns the URLs since the last time.
func (w *web) took() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

func status(code int) page {
	return func(r *http.Request) (*http.Response, error) { return respond(code, strings.NewReader(""), nil)(r) }
}

func document(text string) page {
	return func(r *http.Request) (*http.Response, error) {
		return respond(http.StatusOK, strings.NewReader(text), nil)(r)
	}
}

func metadataOf(issuer, keys string) page {
	return document(fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":"https://login.example/","jwks_uri":%q,"claims_supported":["sub"]}`, issuer, keys))
}

func moved(to string) page {
	return respond(http.StatusFound, strings.NewReader(""), http.Header{"Location": {to}})
}

func refused(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

// delayed answers late, with what was there when it was asked.
func delayed(by time.Duration, answer page) page {
	return func(r *http.Request) (*http.Response, error) {
		response, err := answer(r)
		select {
		case <-time.After(by):
			return response, err
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

const (
	wellKnown = issuerURL + "/.well-known/openid-configuration"
	oauthPath = issuerURL + "/.well-known/oauth-authorization-server"
	keysURL   = "https://keys.example/jwks.json"
)

// discovered is a service whose keys come from w, as the issuer says.
func discovered(t *testing.T, w *web, issuer string) (*service, *jwt.Signer) {
	t.Helper()
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	w.put(keysURL, keysOf(signer))
	c := configFor(jwt.Discover(issuer, jwt.RemoteConfig{Transport: w}))
	c.Issuer, c.MaxCached = issuer, -1
	return newService(t, c), signer
}

func keysOf(signer *jwt.Signer) page {
	return func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		signer.JWKSHandler().ServeHTTP(w, r)
		response := w.Result()
		response.Request = r
		return response, nil
	}
}

// Where the metadata is asked for: OpenID Connect Discovery 1.0 section 4.1
// appends, RFC 8414 section 3.1 inserts, and both drop one slash at the end
// before that.
func TestWhereMetadataIsAskedFor(t *testing.T) {
	for _, test := range []struct {
		name, issuer string
		want         []string
	}{
		{"host", "https://issuer.example", []string{wellKnown, oauthPath}},
		{"slash", "https://issuer.example/", []string{wellKnown, oauthPath}},
		{"port", "https://issuer.example:8443", []string{"https://issuer.example:8443/.well-known/openid-configuration",
			"https://issuer.example:8443/.well-known/oauth-authorization-server"}},
		{"path", "https://issuer.example/realms/a", []string{"https://issuer.example/realms/a/.well-known/openid-configuration",
			"https://issuer.example/.well-known/oauth-authorization-server/realms/a"}},
		{"path-and-slash", "https://issuer.example/realms/a/", []string{"https://issuer.example/realms/a/.well-known/openid-configuration",
			"https://issuer.example/.well-known/oauth-authorization-server/realms/a"}},
		{"escaped-path", "https://issuer.example/a%2Fb/c%20d", []string{"https://issuer.example/a%2Fb/c%20d/.well-known/openid-configuration",
			"https://issuer.example/.well-known/oauth-authorization-server/a%2Fb/c%20d"}},
		{"loopback", "http://[::1]:8080/x", []string{"http://[::1]:8080/x/.well-known/openid-configuration",
			"http://[::1]:8080/.well-known/oauth-authorization-server/x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for at, place := range test.want {
					w := &web{}
					w.put(place, metadataOf(test.issuer, keysURL))
					s, signer := discovered(t, w, test.issuer)
					if got := w.took(); got != nil {
						t.Errorf("asked for %q before any token", got)
					}
					s.accepts(tokenBy(signer))
					if got, want := w.took(), append(slices.Clone(test.want[:at+1]), keysURL); !slices.Equal(got, want) {
						t.Errorf("asked for %q, want %q", got, want)
					}
				}
			})
		})
	}
}

// Only what is not there is looked for elsewhere: an issuer in trouble is not
// to be asked twice as often, and a document that is wrong is an error, not an
// absence.
func TestCaseAuth7WhenTheOtherPlaceIsTried(t *testing.T) {
	for _, test := range []struct {
		name   string
		first  page
		second bool
	}{
		{"not-found", status(http.StatusNotFound), true},
		{"gone", status(http.StatusGone), true},
		{"forbidden", status(http.StatusForbidden), true},
		{"erring", status(http.StatusInternalServerError), false},
		{"unavailable", status(http.StatusServiceUnavailable), false},
		{"no-content", status(http.StatusNoContent), true},
		{"moved-nowhere", status(http.StatusFound), true},
		{"page-behind-a-redirect", moved("https://login.example/"), true},
		{"refusing", refused, false},
		{"hanging", hang, false},
		{"empty", document(""), true},
		{"white-space", document(" \n"), true},
		{"html", document("<!doctype html><title>Sign in</title>"), true},
		{"html-without-end", document("<!doctype html>" + strings.Repeat("<p>", 1<<20)), true},
		{"object-without-end", document(`{"issuer":"` + issuerURL + `","x":"` + strings.Repeat("x", 1<<20) + `"}`), false},
		{"text", document("OK"), true},
		{"json-text", document(`"OK"`), true},
		{"json-null", document("null"), true},
		{"json-list", document("[{}]"), true},
		{"byte-order-mark", document("\ufeff{}"), true},
		{"empty-object", document("{}"), false},
		{"object-in-white-space", document("\r\n\t {}"), false},
		{"object-cut-short", document(`{"issuer":`), false},
		{"object-twice", document("{}{}"), false},
		{"of-another-issuer", metadataOf("https://other.example", keysURL), false},
		{"without-keys", document(`{"issuer":"` + issuerURL + `"}`), false},
		{"downgraded", moved("http://issuer.example/"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &web{}
				w.put("https://login.example/", document("<!doctype html>"))
				w.put(wellKnown, test.first)
				w.put(oauthPath, metadataOf(issuerURL, keysURL))
				s, signer := discovered(t, w, issuerURL)
				if test.second {
					s.accepts(tokenBy(signer))
					return
				}
				assertUnavailable(t, s, s.send(tokenBy(signer)))
				if got := w.took(); !slices.Equal(got, []string{wellKnown}) {
					t.Errorf("asked for %q", got)
				}
				w.put(wellKnown, metadataOf(issuerURL, keysURL))
				time.Sleep(time.Second)
				s.accepts(tokenBy(signer)) // it recovers without a restart
			})
		})
	}
}

// Where both places miss the log says what the first one had.
func TestCaseAuth7BothPlacesMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, document("<!doctype html>"))
		s, signer := discovered(t, w, issuerURL)
		assertUnavailable(t, s, s.send(tokenBy(signer)))
		if got := w.took(); !slices.Equal(got, []string{wellKnown, oauthPath}) {
			t.Errorf("asked for %q", got)
		}
		if cause := causeOf(s.recorder.Events()); !strings.Contains(cause, "not a JSON object") || strings.Contains(cause, "doctype") {
			t.Errorf("cause %q", cause)
		}
		// The guard holds at the second place too.
		w.put(oauthPath, metadataOf("https://other.example", keysURL))
		time.Sleep(time.Minute)
		if w := s.send(tokenBy(signer)); w.Code != http.StatusServiceUnavailable || !strings.Contains(causeOf(s.recorder.Events()), "another issuer") {
			t.Errorf("%d, %+v", w.Code, s.recorder.Events())
		}
		w.put(wellKnown, document(`{"issuer":`))
		time.Sleep(time.Minute)
		if w := s.send(tokenBy(signer)); w.Code != http.StatusServiceUnavailable || !strings.Contains(causeOf(s.recorder.Events()), "the metadata is not strict JSON: invalid syntax at byte 10") {
			t.Errorf("%d, %+v", w.Code, s.recorder.Events())
		}
	})
}

// Metadata that is not exactly this issuer's would bring somebody else's keys.
func TestMetadataThatIsNotBelieved(t *testing.T) {
	const issuer = "https://issuer.example/tenant/v2.0"
	const place = issuer + "/.well-known/openid-configuration"
	named := func(name string) string { return fmt.Sprintf(`{"issuer":%s,"jwks_uri":%q}`, name, keysURL) }
	at := func(keys string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%s}`, issuer, keys) }
	good := at(`"` + keysURL + `"`)
	for _, test := range []struct{ name, text, want string }{
		{"trailing-slash", named(`"` + issuer + `/"`), "another issuer"},
		{"case", named(`"https://issuer.example/Tenant/v2.0"`), "another issuer"},
		{"case-of-host", named(`"https://Issuer.example/tenant/v2.0"`), "another issuer"},
		{"case-of-scheme", named(`"HTTPS://issuer.example/tenant/v2.0"`), "another issuer"},
		{"default-port", named(`"https://issuer.example:443/tenant/v2.0"`), "another issuer"},
		{"escaped", named(`"https://issuer.example/%74enant/v2.0"`), "another issuer"},
		{"template", named(`"https://issuer.example/{tenantid}/v2.0"`), "another issuer"},
		{"other-tenant", named(`"https://issuer.example/other/v2.0"`), "another issuer"},
		{"parent", named(`"https://issuer.example"`), "another issuer"},
		{"other-host", named(`"https://attacker.example/tenant/v2.0"`), "another issuer"},
		{"suffix", named(`"` + issuer + `.attacker.example"`), "another issuer"},
		{"space", named(`" ` + issuer + `"`), "another issuer"},
		{"empty", named(`""`), "another issuer"},
		{"null", named(`null`), "another issuer"},
		{"number", named(`1`), "another issuer"},
		{"list", named(`["` + issuer + `"]`), "another issuer"},
		{"object", named(`{"issuer":"` + issuer + `"}`), "another issuer"},
		{"missing", `{"jwks_uri":"` + keysURL + `"}`, "another issuer"},
		{"under-another-name", `{"Issuer":"` + issuer + `","jwks_uri":"` + keysURL + `"}`, "another issuer"},
		{"issuer-twice", strings.Replace(good, `{`, `{"issuer":"https://attacker.example",`, 1), "duplicate"},
		{"issuer-twice-by-case", strings.Replace(good, `{`, `{"ISSUER":"https://attacker.example",`, 1), "duplicate"},
		{"issuer-twice-by-escape", strings.Replace(good, `{`, `{"iss\u0075er":"https://attacker.example",`, 1), "duplicate"},
		{"keys-twice", strings.Replace(good, `{`, `{"jwks_uri":"https://attacker.example/",`, 1), "duplicate"},
		{"keys-missing", `{"issuer":"` + issuer + `"}`, "no jwks_uri"},
		{"keys-null", at(`null`), "no jwks_uri"},
		{"keys-list", at(`["` + keysURL + `"]`), "no jwks_uri"},
		{"keys-inline", `{"issuer":"` + issuer + `","jwks":{"keys":[` + jwk + `]}}`, "no jwks_uri"},
		{"keys-empty", at(`""`), "must be an absolute https URL"},
		{"keys-http", at(`"http://keys.example/jwks.json"`), "must be https"},
		{"keys-loopback", at(`"http://127.0.0.1:8080/jwks.json"`), "away from https"},
		{"keys-localhost", at(`"http://localhost/jwks.json"`), "away from https"},
		{"keys-relative", at(`"/jwks.json"`), "must be an absolute https URL"},
		{"keys-without-scheme", at(`"//keys.example/jwks.json"`), "must be https"},
		{"keys-without-host", at(`"https:///jwks.json"`), "must be an absolute https URL"},
		{"keys-at-a-port", at(`"https://:8443/jwks.json"`), "must be an absolute https URL"},
		{"keys-opaque", at(`"https:keys.example"`), "must be an absolute https URL"},
		{"keys-with-a-user", at(`"https://user:secret@keys.example/jwks.json"`), "neither user nor fragment"},
		{"keys-with-an-empty-user", at(`"https://@keys.example/jwks.json"`), "neither user nor fragment"},
		{"keys-with-a-fragment", at(`"` + keysURL + `#1"`), "neither user nor fragment"},
		{"keys-in-a-file", at(`"file:///etc/passwd"`), "must be an absolute https URL"},
		{"keys-in-themselves", at(`"data:application/json,{}"`), "must be an absolute https URL"},
		{"keys-far-away", at(`"` + keysURL + "?" + strings.Repeat("x", 400<<10) + `"`), "longer than 2048 bytes"},
		{"keys-with-a-line-break", at(`"https://keys.example/\r\nHost: evil"`), "must be an absolute https URL"},
		{"five-megabytes", good[:len(good)-1] + strings.Repeat(" ", 5<<20) + "}", "more than 524288 bytes"},
		{"many-names", `{` + manyNames(2000) + good[1:], "too many"},
		{"deep", strings.Replace(good, `{`, `{"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`,`, 1), "deep"},
		{"cut-short", good[:len(good)-1], "invalid syntax"},
		{"followed", good + "{}", "data after the document"},
		{"not-utf-8", strings.Replace(good, "{", "{\"x\":\"\xff\",", 1), "UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &web{}
				w.put(place, document(test.text))
				s, signer := discovered(t, w, issuer)
				for _, elsewhere := range []string{"http://keys.example/jwks.json", "http://127.0.0.1:8080/jwks.json", "http://localhost/jwks.json"} {
					w.put(elsewhere, keysOf(signer))
				}
				assertUnavailable(t, s, s.send(tokenBy(signer)))
				if got := w.took(); !slices.Equal(got, []string{place}) {
					t.Errorf("asked for %q", got)
				}
				if cause := causeOf(s.recorder.Events()); !strings.Contains(cause, test.want) || len(cause) > 400 || strings.Contains(cause, "secret") {
					t.Errorf("cause %q, want %q", cause, test.want)
				}
				w.put(place, document(good))
				time.Sleep(time.Second)
				s.accepts(tokenBy(signer))
			})
		})
	}
}

// causeOf returns the error that the events tell.
func causeOf(events []bulwark.Event) string {
	for _, e := range events {
		for _, attr := range e.Attrs {
			if attr.Key == "error" {
				return attr.Value.String()
			}
		}
	}
	return ""
}

func manyNames(n int) string {
	var names strings.Builder
	for i := range n {
		fmt.Fprintf(&names, `"n%d":1,`, i)
	}
	return names.String()
}

func TestDiscoverConfigErrors(t *testing.T) {
	for _, test := range []struct {
		name, issuer string
		change       func(*jwt.Config)
		limits       jwt.RemoteConfig
		want         []string
	}{
		{"good", issuerURL, nil, jwt.RemoteConfig{}, nil},
		{"good-path", issuerURL + "/realms/a/", nil, jwt.RemoteConfig{}, nil},
		{"good-loopback", "http://127.0.0.1:8080", nil, jwt.RemoteConfig{}, nil},
		{"empty", "", nil, jwt.RemoteConfig{}, []string{"jwt.Issuer", "jwt.Keys.Issuer"}},
		{"http", "http://issuer.example", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"no-scheme", "issuer.example", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"no-host", "https:///tenant", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"only-a-port", "https://:8443", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"broken", "https://issuer.example/%zz", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"query", issuerURL + "?tenant=a", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"empty-query", issuerURL + "?", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"fragment", issuerURL + "#a", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"empty-fragment", issuerURL + "#", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"user", "https://user:secret@issuer.example", nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"long", issuerURL + "/" + strings.Repeat("x", 2048), nil, jwt.RemoteConfig{}, []string{"jwt.Keys.Issuer"}},
		{"of-another-issuer", issuerURL, func(c *jwt.Config) { c.Issuer = issuerURL + "/" }, jwt.RemoteConfig{}, []string{"jwt.Keys"}},
		{"all-at-once", "http://user:secret@issuer.example", func(c *jwt.Config) {
			c.Issuer, c.Audience, c.Skew = "https://other.example", nil, time.Hour
		}, jwt.RemoteConfig{Timeout: -1, MaxStale: 1 << 62, Cooldown: 1, MaxDocumentBytes: -1, MaxKeys: -1},
			[]string{"jwt.Audience", "jwt.Keys", "jwt.Keys.Cooldown", "jwt.Keys.Issuer", "jwt.Keys.MaxDocumentBytes", "jwt.Keys.MaxKeys",
				"jwt.Keys.MaxStale", "jwt.Keys.Timeout", "jwt.Skew"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.limits.Transport = &web{}
			c := configFor(jwt.Discover(test.issuer, test.limits))
			c.Issuer = test.issuer
			if test.change != nil {
				test.change(&c)
			}
			for range 2 { // a mistake is not found twice for a source that two verifiers share
				verifier, err := jwt.New(c)
				if got := fieldsOf(err); !slices.Equal(got, test.want) || (verifier == nil) != (err != nil) {
					t.Errorf("errors for %q, want %q: %v", got, test.want, err)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the error tells a password: %v", err)
				}
			}
		})
	}
}

// What the scheme is called decides nothing (RFC 3986 section 3.1): an issuer
// in capitals is not one that may do without TLS.
func TestDowngradeByTheCaseOfTheScheme(t *testing.T) {
	const issuer = "HTTPS://issuer.example"
	for keys, good := range map[string]bool{keysURL: true, "HTTPS://keys.example/jwks.json": true, "http://127.0.0.1/jwks.json": false, "HTTP://localhost/jwks.json": false} {
		t.Run(strings.Replace(keys, "://", "-", 1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &web{}
				w.put(wellKnown, metadataOf(issuer, keys))
				s, signer := discovered(t, w, issuer)
				w.put("http://127.0.0.1/jwks.json", keysOf(signer))
				w.put("http://localhost/jwks.json", keysOf(signer))
				w.put("HTTPS"+wellKnown[5:], metadataOf(issuer, keys))
				if good {
					s.accepts(tokenBy(signer))
					return
				}
				assertUnavailable(t, s, s.send(tokenBy(signer)))
				if n := len(w.took()); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// Redirects of metadata and keys stay within TLS, and are not followed for
// ever.
func TestRedirectsOfDiscovery(t *testing.T) {
	const elsewhere = "https://elsewhere.example/document"
	for _, test := range []struct {
		name  string
		from  string // which is moved
		hops  []string
		good  bool
		asked int // requests at most
	}{
		{"metadata", wellKnown, []string{elsewhere}, true, 3},
		{"metadata-three-times", wellKnown, []string{elsewhere + "/1", elsewhere + "/2", elsewhere}, true, 5},
		{"metadata-four-times", wellKnown, []string{elsewhere + "/1", elsewhere + "/2", elsewhere + "/3", elsewhere}, false, 4},
		{"metadata-to-http", wellKnown, []string{"http://elsewhere.example/"}, false, 1},
		{"metadata-to-loopback", wellKnown, []string{"http://127.0.0.1/"}, false, 1},
		{"metadata-loop", wellKnown, []string{wellKnown}, false, 4},
		{"keys", keysURL, []string{elsewhere}, true, 3},
		{"keys-to-http", keysURL, []string{"http://elsewhere.example/"}, false, 2},
		{"keys-to-loopback", keysURL, []string{"http://[::1]/"}, false, 2},
		{"keys-to-loopback-by-a-detour", keysURL, []string{elsewhere + "/1", "http://localhost/"}, false, 3},
		{"keys-loop", keysURL, []string{keysURL}, false, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &web{}
				w.put(wellKnown, metadataOf(issuerURL, keysURL))
				s, signer := discovered(t, w, issuerURL)
				from := test.from
				w.mu.Lock()
				last := w.pages[from]
				w.mu.Unlock()
				for _, hop := range test.hops {
					w.put(from, moved(hop))
					from = hop
				}
				if test.hops[0] != test.from {
					w.put(from, last)
				}
				if test.good {
					s.accepts(tokenBy(signer))
				} else {
					assertUnavailable(t, s, s.send(tokenBy(signer)))
				}
				if got := w.took(); len(got) > test.asked {
					t.Errorf("asked for %q", got)
				}
			})
		})
	}
}

// From loopback a detour over the network must not lead back to another port.
func TestRedirectBackToLoopback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const issuer = "http://127.0.0.1:8080"
		w := &web{}
		s, signer := discovered(t, w, issuer)
		w.put(issuer+"/.well-known/openid-configuration", metadataOf(issuer, issuer+"/jwks.json"))
		w.put(issuer+"/jwks.json", moved("https://attacker.example/"))
		w.put("https://attacker.example/", moved("http://127.0.0.1:6379/"))
		w.put("http://127.0.0.1:6379/", keysOf(signer))
		assertUnavailable(t, s, s.send(tokenBy(signer)))
		if got := w.took(); slices.Contains(got, "http://127.0.0.1:6379/") {
			t.Errorf("asked for %q", got)
		}
	})
}

// Where the keys are is believed for an hour, however often they are fetched.
func TestDiscoveryIsBelievedForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, metadataOf(issuerURL, keysURL))
		s, signer := discovered(t, w, issuerURL)
		s.accepts(tokenBy(signer))
		count := func(url string) (n int) {
			for _, asked := range w.took() {
				if asked == url {
					n++
				}
			}
			return n
		}
		if n := count(wellKnown); n != 1 {
			t.Fatalf("%d discoveries for the first token", n)
		}
		pass := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Minute) {
				s.accepts(tokenBy(signer))
			}
		}
		pass(59 * time.Minute)
		asked := w.took()
		if slices.Contains(asked, wellKnown) || len(asked) < 10 {
			t.Errorf("asked within an hour for %q", asked)
		}
		pass(6 * time.Minute) // the keys live for 5
		if n := count(wellKnown); n != 1 {
			t.Errorf("%d discoveries after an hour, want 1", n)
		}
	})
}

// Keys that move are found again, and no good token is refused for it.
func TestKeysThatMove(t *testing.T) {
	const there = "https://new.example/keys"
	for name, old := range map[string]page{"gone": status(http.StatusNotFound), "refusing": refused, "hanging": hang,
		"emptied": document(`{"keys":[]}`), "taken-over-by-http": moved("http://keys.example/")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &web{}
				w.put(wellKnown, metadataOf(issuerURL, keysURL))
				s, signer := discovered(t, w, issuerURL)
				s.accepts(tokenBy(signer))
				w.put(there, keysOf(signer))
				w.put(wellKnown, metadataOf(issuerURL, there))
				w.put(keysURL, old)
				w.took()
				for range 30 {
					time.Sleep(10 * time.Second)
					s.accepts(tokenBy(signer))
				}
				if got, want := w.took(), []string{keysURL, wellKnown, there}; !slices.Equal(got, want) {
					t.Errorf("asked for %q, want %q", got, want)
				}
				next, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: issuerURL})
				if err != nil {
					t.Fatal(err)
				}
				w.put(there, keysOf(next))
				s.accepts(tokenBy(next))
			})
		})
	}
}

// An issuer that is slow, but not too slow for one document, is usable: what
// has been discovered is not thrown away with the fetch that ran out of time.
func TestSlowIssuerIsUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, delayed(3*time.Second, metadataOf(issuerURL, keysURL)))
		s, signer := discovered(t, w, issuerURL)
		w.put(keysURL, delayed(3*time.Second, keysOf(signer)))
		began := time.Now()
		assertUnavailable(t, s, s.send(tokenBy(signer)))
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("metadata and keys took %v, want one Timeout for both", took)
		}
		time.Sleep(time.Second)
		s.accepts(tokenBy(signer))
		if got, want := w.took(), []string{wellKnown, keysURL, keysURL}; !slices.Equal(got, want) {
			t.Errorf("asked for %q, want %q", got, want)
		}
	})
}

// Random kids make one fetch of the keys between them, and no discovery.
func TestUnknownKidsDiscoverOnce(t *testing.T) {
	for _, warm := range []bool{false, true} {
		for _, together := range []bool{false, true} {
			t.Run(fmt.Sprintf("warm=%t/together=%t", warm, together), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &web{}
					w.put(wellKnown, delayed(time.Second, metadataOf(issuerURL, keysURL)))
					s, signer := discovered(t, w, issuerURL)
					want := []string{wellKnown, keysURL}
					if warm {
						s.accepts(tokenBy(signer))
						w.took()
						want = want[1:]
					}
					var wg sync.WaitGroup
					var bad atomic.Int64
					for range 50 {
						other, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: issuerURL})
						if err != nil {
							t.Fatal(err)
						}
						send := func() {
							recorder := httptest.NewRecorder()
							s.handler.ServeHTTP(recorder, bearer(tokenBy(other)))
							if recorder.Code == http.StatusUnauthorized {
								bad.Add(1)
							}
						}
						if together {
							wg.Go(send)
						} else {
							send()
						}
					}
					wg.Wait()
					if bad.Load() != 50 || s.ran && !warm {
						t.Errorf("%d of 50 refused", bad.Load())
					}
					if got := w.took(); !slices.Equal(got, want) {
						t.Errorf("asked for %q, want %q", got, want)
					}
				})
			})
		}
	}
}

// Down for an hour, and for as long as MaxStale allows: no valid token is
// refused, and none waits. Afterwards it is an outage, which ends by itself.
func TestIssuerDown(t *testing.T) {
	for name, broken := range map[string]page{"hanging": hang, "refusing": refused, "erring": status(http.StatusBadGateway),
		"gone": status(http.StatusNotFound), "html": document("<html>"), "moved": moved("https://parking.example/")} {
		for _, what := range []string{"all", "metadata", "keys"} {
			t.Run(name+"/"+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &web{}
					w.put(wellKnown, metadataOf(issuerURL, keysURL))
					s, signer := discovered(t, w, issuerURL)
					s.accepts(tokenBy(signer))
					if what != "keys" {
						w.put(wellKnown, broken)
					}
					if what != "metadata" {
						w.put(keysURL, broken)
					}
					w.took()
					down := time.Now()
					pause := time.Minute
					for time.Since(down) < 24*time.Hour {
						time.Sleep(pause)
						began := time.Now()
						s.accepts(tokenBy(signer))
						if waited := time.Since(began); waited != 0 {
							t.Fatalf("a request waited %v", waited)
						}
						if time.Since(down) == time.Hour {
							if n := len(w.took()); n > 250 || n < 6 {
								t.Errorf("%d requests in an hour", n)
							}
							pause = 10 * time.Minute
						}
					}
					time.Sleep(6 * time.Minute)
					if past := s.send(tokenBy(signer)); what == "all" && past.Code != http.StatusServiceUnavailable {
						t.Errorf("status %d with keys past MaxStale", past.Code)
					}
					w.put(wellKnown, metadataOf(issuerURL, keysURL))
					w.put(keysURL, keysOf(signer))
					time.Sleep(2 * time.Minute)
					s.accepts(tokenBy(signer))
				})
			})
		}
	}
}
