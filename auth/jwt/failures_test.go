package jwt_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// jwk is a public key that nobody here signs with.
const jwk = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}`

// failures are what a server of keys may do wrong, and what the log says then.
var failures = []struct {
	name   string
	answer func(i *idp) http.HandlerFunc
	want   string
}{
	{"hanging", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	}, tooSlow},
	{"hanging-within-the-body", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"keys":[`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // or the body would seem to be whole
		}
	}, tooSlow},
	{"dripping", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			next := time.NewTicker(20 * time.Millisecond)
			defer next.Stop()
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				<-next.C
			}
			panic(http.ErrAbortHandler)
		}
	}, tooSlow},
	{"erring", plain(http.StatusInternalServerError, "oops"), "the answer is 500"},
	{"forbidding", plain(http.StatusForbidden, jwk), "the answer is 403"},
	{"without-content", plain(http.StatusNoContent, ""), "the answer is 204"},
	{"empty", plain(http.StatusOK, ""), "invalid syntax"},
	{"redirect-far-away", func(*idp) http.HandlerFunc {
		return http.RedirectHandler("https://"+strings.Repeat("a", 30<<10)+"/", http.StatusFound).ServeHTTP
	}, "longer than"},
	{"redirect-to-no-url", func(*idp) http.HandlerFunc {
		return http.RedirectHandler("https://%zz"+strings.Repeat("a", 30<<10), http.StatusFound).ServeHTTP
	}, "failed to parse Location"},
	{"without-keys", plain(http.StatusOK, `{"keys":[]}`), "no usable key"},
	{"html", plain(http.StatusOK, "<!doctype html><title>Sign in</title>"), "read the key set"},
	{"five-megabytes", plain(http.StatusOK, `{"keys":[`+jwk+`]`+strings.Repeat(" ", 5<<20)+`}`), "more than 524288 bytes"},
	{"without-end", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}
	}, "more than 524288 bytes"},
	{"zip-bomb", func(*idp) http.HandlerFunc { return zipped(`{"keys":[` + jwk + `]` + strings.Repeat(" ", 5<<20) + `}`) }, "more than 524288 bytes"},
	{"no-zip", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, `{"keys":[`+jwk+`]}`)
		}
	}, "gzip"},
	{"cut-short", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"keys":[`+jwk+`]}`)
		}
	}, "unexpected EOF"},
	{"cut-short-within-a-chunk", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"keys":[`+jwk+`]}`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}, "EOF"},
	{"gone-before-the-answer", func(*idp) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	}, "EOF"},
	{"one-key-and-not-a-set", plain(http.StatusOK, jwk), "no list \"keys\""},
	{"keys-twice", plain(http.StatusOK, `{"keys":[`+jwk+`],"keys":[`+jwk+`]}`), "\"keys\" twice"},
	{"more-behind", plain(http.StatusOK, `{"keys":[`+jwk+`]}{}`), "more behind"},
	{"more-keys-than-may-be", plain(http.StatusOK, `{"keys":[`+strings.Repeat(jwk+",", 100)+jwk+`]}`), "101 keys, more than the 100 that are accepted; RemoteConfig.MaxKeys"},
	{"secret", plain(http.StatusOK, `{"keys":[`+jwk+`,{"kty":"oct","kid":"s","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}`), "secret or private"},
	{"private", plain(http.StatusOK, `{"keys":[`+strings.Replace(jwk, `"kid"`, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","kid"`, 1)+`]}`), "secret or private"},
	{"redirect-to-http", func(i *idp) http.HandlerFunc {
		return http.RedirectHandler("http"+strings.TrimPrefix(i.URL, "https")+"/jwks.json", http.StatusFound).ServeHTTP
	}, "away from https"},
	{"redirect-with-a-user", func(i *idp) http.HandlerFunc {
		return http.RedirectHandler("https://admin:admin@"+i.Listener.Addr().String()+"/", http.StatusFound).ServeHTTP
	}, "must have neither user nor fragment"},
	{"redirect-loop", func(*idp) http.HandlerFunc {
		return http.RedirectHandler("/jwks.json", http.StatusTemporaryRedirect).ServeHTTP
	}, "too many redirects"},
	{"redirect-chain", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"/x", http.StatusSeeOther)
		}
	}, "too many redirects"},
	{"redirect-to-nothing", func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusFound) }
	}, "the answer is 302"},
	{"deaf", func(i *idp) http.HandlerFunc {
		i.listener.deaf.Store(true)
		i.CloseClientConnections()
		return nil
	}, tooSlow},
	{"certificate-of-nobody", certified(false, func(*x509.Certificate) {}), "signed by unknown authority"},
	{"certificate-of-another-host", certified(true, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} }), "valid for 127.0.0.2, not 127.0.0.1"},
	{"certificate-expired", certified(true, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "expired"},
}

func plain(status int, body string) func(*idp) http.HandlerFunc {
	return func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
}

func zipped(body string) http.HandlerFunc {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, body)
	w.Close()
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			http.Error(w, "not asked for", http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}
}

// certified makes the server show another certificate, made by itself or by the
// one that its clients trust.
func certified(trusted bool, change func(*x509.Certificate)) func(*idp) http.HandlerFunc {
	return func(i *idp) http.HandlerFunc {
		template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		change(template)
		var by *tls.Certificate
		if trusted {
			by = &i.TLS.Certificates[0]
		}
		i.foreign.Store(&tls.Config{Certificates: []tls.Certificate{certify(template, by)}})
		i.CloseClientConnections()
		return nil
	}
}

// well ends what a failure has begun.
func (i *idp) well() {
	i.become(nil)
	i.foreign.Store(nil)
	i.listener.deaf.Store(false)
}

// Whatever the server does wrong: without keys it is an outage that ends by
// itself, and with keys nobody notices but the log.
func TestKeyServerFailures(t *testing.T) {
	t.Parallel()
	atOnce := make(chan struct{}, 32)
	var wg sync.WaitGroup
	for name, source := range sources {
		for _, failure := range failures {
			wg.Go(func() {
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				t.Run(name+"/"+failure.name, func(t *testing.T) {
					timeout := patience
					if failure.want == tooSlow {
						timeout = time.Second
					}
					i := newIDP(t)
					s := newSite(t, i, source(i, timeout))
					i.become(failure.answer(i))
					s.fails(i.token())
					wait := s.fails(i.token())
					i.well()
					s.recovers(wait)

					i.become(failure.answer(i))
					err := jwt.Refresh(s.keys)
					if err == nil || !strings.Contains(err.Error(), failure.want) || len(err.Error()) > 500 || strings.Contains(err.Error(), "admin") {
						t.Errorf("%v, want %q", err, failure.want)
					}
					for range 5 {
						s.accepts(i.token())
					}
					s.fails(i.forged(t)) // who knows whether the issuer has this key
					i.well()
					until(t, "a refresh", func() bool { return jwt.Refresh(s.keys) == nil })
					s.accepts(i.token())
				})
			})
		}
	}
	wg.Wait()
}

// tooSlow is what the log says of a server that lets us wait.
const tooSlow = "deadline exceeded"

// recovers sends a good token as a client does that obeys Retry-After, until it
// is accepted: nobody has to restart anything.
func (s *site) recovers(wait time.Duration) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		<-time.After(wait)
		token := s.token()
		a, _ := s.must(token)
		if a.status != http.StatusServiceUnavailable {
			s.accepts(token)
			return
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil {
			s.Fatal(err)
		}
		wait = time.Duration(seconds) * time.Second
	}
	s.Fatal("no recovery")
}

// What is unusual and harmless is taken.
func TestKeyServerOddities(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*idp) http.HandlerFunc{
		"certificate-by-a-trusted-one": certified(true, func(*x509.Certificate) {}),
		"zipped": func(i *idp) http.HandlerFunc {
			w := httptest.NewRecorder()
			i.published.Load().JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			return zipped(w.Body.String())
		},
		"redirect-to-another-host": func(i *idp) http.HandlerFunc { // the transport of a test server knows this name
			i.become(nil)
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Host == "example.com" {
					i.published.Load().JWKSHandler().ServeHTTP(w, r)
					return
				}
				http.Redirect(w, r, "https://example.com/elsewhere", http.StatusPermanentRedirect)
			}
		},
		"three-redirects": func(i *idp) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if n := len(r.URL.RawQuery); n < 3 {
					http.Redirect(w, r, r.URL.Path+"?"+r.URL.RawQuery+"x", http.StatusFound)
					return
				}
				i.published.Load().JWKSHandler().ServeHTTP(w, r)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t)
			i.become(answer(i))
			s := newSite(t, i, sources["remote"](i, patience))
			s.accepts(i.token())
		})
	}
}

// From loopback, which may do without TLS, a redirect leads nowhere else
// without it.
func TestRedirectAwayFromLoopback(t *testing.T) {
	t.Parallel()
	for name, hops := range map[string][]string{
		"address":           {"http://192.0.2.1/jwks.json"},
		"name":              {"http://keys.example/jwks.json"},
		"name-like-ours":    {"http://localhost.example/jwks.json"},
		"user":              {"http://127.0.0.1@192.0.2.1/jwks.json"},
		"metadata-service":  {"http://169.254.169.254/latest/meta-data/"},
		"unspecified":       {"http://0.0.0.0/jwks.json"},
		"no-host":           {"http://:80/jwks.json"},
		"file":              {"file:///etc/passwd"},
		"there-and-back":    {"/second", "http://192.0.2.1/jwks.json"},
		"without-authority": {"http:192.0.2.1/jwks.json"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, hops[min(asked.Add(1), int64(len(hops)))-1], http.StatusFound)
			}))
			t.Cleanup(server.Close)
			dial := func(ctx context.Context, network, address string) (net.Conn, error) {
				if address != server.Listener.Addr().String() {
					t.Errorf("%s was dialled", address)
					return nil, net.ErrClosed
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			for _, keys := range []jwt.KeySource{
				jwt.RemoteKeys(server.URL, jwt.RemoteConfig{Transport: &http.Transport{DialContext: dial}}),
				jwt.Discover(server.URL, jwt.RemoteConfig{Transport: &http.Transport{DialContext: dial}}),
			} {
				asked.Store(0)
				signer, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: server.URL})
				if err != nil {
					t.Fatal(err)
				}
				verifier := mustNew(t, jwt.Config{Issuer: server.URL, Audience: []string{authtest.Audience}, Keys: keys})
				if _, err := verifier.Verify(t.Context(), tokenBy(signer)); reason(err) != "keys_unavailable" {
					t.Error(err)
				}
				if n := asked.Load(); n == 0 || n > 4 {
					t.Errorf("%d requests", n)
				}
			}
		})
	}
}

// The transport that is there without Transport, over the network.
func TestOwnTransport(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*httptest.Server)
		answer func(w http.ResponseWriter, next http.Handler)
		want   string
	}{
		{"http-1", func(*httptest.Server) {}, nil, ""},
		{"http-2", func(s *httptest.Server) { s.EnableHTTP2 = true }, nil, ""},
		{"tls-1.1", func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		}, nil, "protocol version"},
		{"huge-header", func(*httptest.Server) {}, func(w http.ResponseWriter, next http.Handler) {
			w.Header().Set("X-Filler", strings.Repeat("x", 100<<10))
			next.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		}, "exceeded 65536 bytes"},
		{"interim-answers-without-end", func(*httptest.Server) {}, func(w http.ResponseWriter, next http.Handler) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			for range 100_000 {
				w.WriteHeader(http.StatusEarlyHints)
			}
			next.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		}, "exceeded 65536 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var keys http.Handler
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.answer != nil {
					test.answer(w, keys)
					return
				}
				if http2 := test.name == "http-2"; (r.ProtoMajor == 2) != http2 {
					t.Errorf("%s", r.Proto)
				}
				if r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
					t.Errorf("%v", r.Header)
				}
				keys.ServeHTTP(w, r)
			}))
			server.Config.ErrorLog = quiet
			test.change(server)
			server.StartTLS()
			t.Cleanup(server.Close)
			signer, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			keys = signer.JWKSHandler()
			transport := jwt.DefaultTransport()
			transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			verifier := mustNew(t, jwt.Config{Issuer: server.URL, Audience: []string{authtest.Audience},
				Keys: jwt.RemoteKeys(server.URL, jwt.RemoteConfig{Transport: transport})})
			_, err = verifier.Verify(t.Context(), tokenBy(signer))
			if test.want == "" && err != nil || test.want != "" && (reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
