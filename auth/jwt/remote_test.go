package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// server answers for a key server, in memory.
type server struct {
	mu      sync.Mutex
	answer  func(*http.Request) (*http.Response, error)
	fetches atomic.Int64
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.fetches.Add(1)
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	return answer(r)
}

func (s *server) become(answer func(*http.Request) (*http.Response, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func respond(status int, body io.Reader, header http.Header) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if header == nil {
			header = http.Header{}
		}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), Request: r, ContentLength: -1}, nil
	}
}

// remoteService is a service in a bubble whose keys come from s.
func remoteService(t *testing.T, issuer *authtest.Issuer, s *server) *service {
	if s.answer == nil {
		s.become(issuer.Transport().RoundTrip)
	}
	config := issuer.Config()
	config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: s})
	config.MaxCached = -1 // so that each request needs its key
	return newService(t, config)
}

// inBubble runs f under a clock that moves only when everybody waits.
func inBubble(t *testing.T, f func(t *testing.T, issuer *authtest.Issuer)) {
	t.Helper()
	issuer := authtest.NewIssuer(t) // its listener must stay outside
	synctest.Test(t, func(t *testing.T) { f(t, issuer) })
}

func TestKeysAreFetchedWhenTheFirstTokenComes(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		s := remoteService(t, issuer, server)
		if n := server.fetches.Load(); n != 0 {
			t.Fatalf("%d fetches before any token", n)
		}
		for range 20 {
			s.accepts(issuer.Token(nil))
		}
		if n := server.fetches.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestConcurrentFirstTokensShareOneFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return issuer.Transport().RoundTrip(r)
		})
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		verifier := mustNew(t, config)
		var wg sync.WaitGroup
		for range 50 {
			token := issuer.Token(nil)
			wg.Go(func() {
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := server.fetches.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestUnknownKidsFetchOnce(t *testing.T) {
	for _, warm := range []bool{false, true} {
		t.Run(fmt.Sprintf("warm=%t", warm), func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				s := remoteService(t, issuer, server)
				if warm {
					s.accepts(issuer.Token(nil))
				}
				before := server.fetches.Load()
				for i := range 50 {
					w := s.send(tokenWithKid(t, issuer, fmt.Sprintf("random-%d", i)))
					if w.Code != http.StatusUnauthorized || s.recorder.Events()[0].Reason != "unknown_key" {
						t.Fatalf("%d %v", w.Code, s.recorder.Events())
					}
				}
				if n := server.fetches.Load() - before; n != 1 {
					t.Errorf("%d fetches for 50 unknown kids, want 1", n)
				}
				time.Sleep(31 * time.Second)
				s.send(tokenWithKid(t, issuer, "later"))
				if n := server.fetches.Load() - before; n != 2 {
					t.Errorf("%d fetches after the cooldown, want 2", n)
				}
			})
		})
	}
}

// tokenWithKid is a token of the issuer but for a key that nobody published.
func tokenWithKid(t *testing.T, issuer *authtest.Issuer, kid string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer.URL(), KeyID: kid})
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign("at+jwt", map[string]any{"sub": "mallory", "aud": authtest.Audience, "exp": time.Now().Add(time.Minute).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestBadSignaturesNeverFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		s := remoteService(t, issuer, server)
		s.accepts(issuer.Token(nil))
		before := server.fetches.Load()
		for range 50 {
			good := issuer.Token(nil)
			cut := strings.LastIndexByte(good, '.')
			other := issuer.Token(nil)
			w := s.send(good[:cut] + other[strings.LastIndexByte(other, '.'):])
			if w.Code != http.StatusUnauthorized || s.recorder.Events()[0].Reason != "signature" {
				t.Fatalf("%d %v", w.Code, s.recorder.Events())
			}
		}
		if n := server.fetches.Load() - before; n != 0 {
			t.Errorf("%d fetches for bad signatures, want 0", n)
		}
	})
}

func TestRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		s := remoteService(t, issuer, server)
		old := issuer.Token(nil)
		s.accepts(old)
		issuer.Rotate()
		s.accepts(issuer.Token(nil)) // an unknown kid is looked for at once
		if w := s.send(old); w.Code != http.StatusUnauthorized || s.recorder.Events()[0].Reason != "unknown_key" {
			t.Errorf("a token of the withdrawn key got %d %v", w.Code, s.recorder.Events())
		}
		issuer.Rotate() // within the cooldown
		if w := s.send(issuer.Token(nil)); w.Code != http.StatusUnauthorized {
			t.Errorf("status %d within the cooldown", w.Code)
		}
		time.Sleep(31 * time.Second)
		s.accepts(issuer.Token(nil))
	})
}

func TestCachedTokenOfWithdrawnKeyIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
		s := newService(t, config)
		old := issuer.Token(nil)
		first := s.accepts(old)
		if again := s.accepts(old); again != first {
			t.Error("the second time did not come from the cache")
		}
		issuer.Rotate()
		s.accepts(issuer.Token(nil))
		if w := s.send(old); w.Code != http.StatusUnauthorized {
			t.Errorf("status %d for a remembered token of a withdrawn key", w.Code)
		}
	})
}

func TestRefreshAheadOfTime(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		s := remoteService(t, issuer, server)
		s.accepts(issuer.Token(nil)) // the keys live for 300 s
		time.Sleep(215 * time.Second)
		if n := server.fetches.Load(); n != 1 {
			t.Fatalf("%d fetches before 72 %% of the lifetime", n)
		}
		time.Sleep(26 * time.Second) // past 80 %
		synctest.Wait()
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches after 80 %% of the lifetime, want 2", n)
		}
	})
}

// No request waits for a refresh of keys that are there, and none fails.
func TestKeyServerDownForAnHour(t *testing.T) {
	for name, broken := range map[string]func(*http.Request) (*http.Response, error){
		"hanging":  hang,
		"refusing": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"erring":   respond(500, strings.NewReader("oops"), nil),
		"emptied": func(r *http.Request) (*http.Response, error) {
			return respond(200, strings.NewReader(`{"keys":[]}`), nil)(r)
		},
		"malformed": func(r *http.Request) (*http.Response, error) {
			return respond(200, strings.NewReader(`<html>`), nil)(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				s := remoteService(t, issuer, server)
				s.accepts(issuer.Token(nil))
				server.become(broken)
				for range 360 {
					time.Sleep(10 * time.Second)
					began := time.Now()
					s.accepts(issuer.Token(nil))
					if waited := time.Since(began); waited != 0 {
						t.Fatalf("a request waited %v", waited)
					}
				}
				if n := server.fetches.Load(); n < 10 || n > 100 {
					t.Errorf("%d fetches in an hour: the backoff is wrong", n)
				}
				// Whether the issuer knows this kid cannot be said now.
				w := s.send(tokenWithKid(t, issuer, "unknown"))
				if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
					t.Errorf("an unknown kid got %d, want 503", w.Code)
				}
				server.become(issuer.Transport().RoundTrip)
				time.Sleep(2 * time.Minute)
				if w := s.send(tokenWithKid(t, issuer, "unknown")); w.Code != http.StatusUnauthorized {
					t.Errorf("an unknown kid got %d after recovery, want 401", w.Code)
				}
				s.accepts(issuer.Token(nil))
			})
		})
	}
}

func TestMaxStale(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		s := remoteService(t, issuer, server)
		s.accepts(issuer.Token(nil))
		server.become(hang)
		for range 24 {
			time.Sleep(time.Hour)
			s.accepts(issuer.Token(nil))
		}
		time.Sleep(6 * time.Minute)
		w := s.send(issuer.Token(nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("status %d with keys past MaxStale, want 503", w.Code)
		}
		server.become(issuer.Transport().RoundTrip)
		time.Sleep(2 * time.Minute)
		s.accepts(issuer.Token(nil))
	})
}

func TestKeysThatNobodyUsesAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		s := remoteService(t, issuer, server)
		s.accepts(issuer.Token(nil))
		time.Sleep(72 * time.Hour)
		after := server.fetches.Load()
		time.Sleep(72 * time.Hour)
		if n := server.fetches.Load(); n != after {
			t.Errorf("%d more fetches for nobody", n-after)
		}
		s.accepts(issuer.Token(nil))
		if n := server.fetches.Load(); n != after+1 {
			t.Errorf("%d fetches for the first token after a long time, want 1", n-after)
		}
	})
}

func TestNeverUp(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(hang)
		s := remoteService(t, issuer, server)
		began := time.Now()
		w := s.send(issuer.Token(nil))
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("the first token waited %v, want the 5 s of a fetch", waited)
		}
		assertUnavailable(t, s, w)
		began = time.Now()
		assertUnavailable(t, s, s.send(issuer.Token(nil))) // within the backoff
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the second token waited %v", waited)
		}
		if n := server.fetches.Load(); n != 1 {
			t.Errorf("%d fetches within the backoff", n)
		}
		server.become(issuer.Transport().RoundTrip)
		time.Sleep(time.Second)
		s.accepts(issuer.Token(nil))
	})
}

func assertUnavailable(t *testing.T, s *service, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"code":"auth.unavailable"`) {
		t.Errorf("%d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if got := w.Header()["Www-Authenticate"]; got != nil {
		t.Errorf("our own outage asks for credentials: %q", got)
	}
	events := s.recorder.Events()
	if s.ran || len(events) != 1 || events[0].Name != bulwark.SysUnavailable || events[0].Reason != "keys_unavailable" {
		t.Errorf("ran %t, events %+v", s.ran, events)
	}
}

func TestWaitingEndsWithTheRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		config := issuer.Config()
		slow := &server{}
		slow.become(hang)
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: slow})
		verifier := mustNew(t, config)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := verifier.Verify(ctx, issuer.Token(nil))
		if got := time.Since(began); reason(err) != "keys_unavailable" || got != time.Second {
			t.Errorf("%v after %v", err, got)
		}
	})
}

func TestShutdownEndsTheFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		slow := &server{}
		slow.become(hang)
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: slow})
		verifier := mustNew(t, config)
		done := make(chan error, 1)
		go func() {
			_, err := verifier.Verify(t.Context(), issuer.Token(nil))
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		if err := verifier.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-done; reason(err) != "keys_unavailable" {
			t.Error(err)
		}
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); reason(err) != "keys_unavailable" {
			t.Errorf("after the shutdown: %v", err)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestShutdownKeepsKeysAndStopsRefreshing(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		server.become(issuer.Transport().RoundTrip)
		verifier := mustNew(t, config)
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Fatal(err)
		}
		verifier.Shutdown(t.Context())
		time.Sleep(time.Hour)
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Error(err)
		}
		if n := server.fetches.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

// A fetch for an unknown kid is shared by the tokens of that moment, and where
// it fails the token is not called bad.
func TestUnknownKidWhileTheServerIsSlow(t *testing.T) {
	for _, comesBack := range []bool{true, false} {
		t.Run(fmt.Sprintf("comes-back=%t", comesBack), func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				server.become(issuer.Transport().RoundTrip)
				config := issuer.Config()
				config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
				verifier := mustNew(t, config)
				if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
					t.Fatal(err)
				}
				issuer.Rotate()
				server.become(func(r *http.Request) (*http.Response, error) {
					time.Sleep(time.Second)
					if !comesBack {
						return nil, errors.New("connection reset")
					}
					return issuer.Transport().RoundTrip(r)
				})
				var wg sync.WaitGroup
				for range 20 {
					token := issuer.Token(nil)
					wg.Go(func() {
						_, err := verifier.Verify(t.Context(), token)
						if comesBack && err != nil || !comesBack && reason(err) != "keys_unavailable" {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if n := server.fetches.Load(); n != 2 {
					t.Errorf("%d fetches, want 2", n)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				time.Sleep(time.Minute)
				issuer.Rotate()
				if _, err := verifier.Verify(ctx, issuer.Token(nil)); reason(err) != "keys_unavailable" {
					t.Errorf("a request that was given up: %v", err)
				}
			})
		})
	}
}

func TestTooManyWait(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		slow := &server{}
		slow.become(hang)
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: slow})
		verifier := mustNew(t, config)
		token := issuer.Token(nil)
		var atOnce atomic.Int64
		var wg sync.WaitGroup
		for range 1030 {
			wg.Go(func() {
				began := time.Now()
				if _, err := verifier.Verify(t.Context(), token); reason(err) != "keys_unavailable" {
					t.Error(err)
				}
				if time.Since(began) == 0 {
					atOnce.Add(1)
				}
			})
		}
		wg.Wait()
		if n := atOnce.Load(); n != 6 {
			t.Errorf("%d requests did not wait, want 6", n)
		}
	})
}

func TestShutdownGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		deaf := &server{}
		deaf.become(func(*http.Request) (*http.Response, error) { // does not listen to its context
			time.Sleep(time.Hour)
			return nil, errors.New("late")
		})
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: deaf})
		verifier := mustNew(t, config)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := verifier.Verify(ctx, issuer.Token(nil)); reason(err) != "keys_unavailable" {
			t.Error(err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := verifier.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestFetchIsBounded(t *testing.T) {
	key := `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"%d"}`
	many := func(n int) string {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf(key, i)
		}
		return `{"keys":[` + strings.Join(keys, ",") + `]}`
	}
	redirect := func(location string) func(*http.Request) (*http.Response, error) {
		return respond(http.StatusFound, strings.NewReader(""), http.Header{"Location": {location}})
	}
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"five-megabytes":       respond(200, strings.NewReader(many(1)+strings.Repeat(" ", 5<<20)), nil),
		"many-keys":            respond(200, strings.NewReader(many(101)), nil),
		"name-twice":           respond(200, strings.NewReader(`{"keys":[],"keys":[`+fmt.Sprintf(key, 1)+`]}`), nil),
		"secret":               respond(200, strings.NewReader(`{"keys":[`+fmt.Sprintf(key, 1)+`,{"kty":"oct","k":"AAAA"}]}`), nil),
		"private":              respond(200, strings.NewReader(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`), nil),
		"only-unknown-types":   respond(200, strings.NewReader(`{"keys":[{"kty":"AKP","kid":"pq"}]}`), nil),
		"only-encryption":      respond(200, strings.NewReader(`{"keys":[`+strings.Replace(fmt.Sprintf(key, 1), `"kid"`, `"use":"enc","kid"`, 1)+`]}`), nil),
		"only-signing":         respond(200, strings.NewReader(`{"keys":[`+strings.Replace(fmt.Sprintf(key, 1), `"kid"`, `"key_ops":["sign"],"kid"`, 1)+`]}`), nil),
		"bare-key":             respond(200, strings.NewReader(fmt.Sprintf(key, 1)), nil),
		"list":                 respond(200, strings.NewReader(`[`+fmt.Sprintf(key, 1)+`]`), nil),
		"body-cut-short":       respond(200, io.MultiReader(strings.NewReader(`{"keys":[`), failing{}), nil),
		"redirect-downgrade":   redirect("http://issuer.example/jwks.json"),
		"redirect-loopback":    redirect("http://127.0.0.1:1/jwks.json"),
		"redirect-file":        redirect("file:///etc/passwd"),
		"redirect-without-end": redirect("https://issuer.example/jwks.json"),
		"not-modified":         respond(304, strings.NewReader(""), nil),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &server{}
				server.become(answer)
				verifier := mustNew(t, jwt.Config{Issuer: "https://issuer.example", Audience: []string{authtest.Audience},
					Keys: jwt.RemoteKeys("https://issuer.example/jwks.json", jwt.RemoteConfig{Transport: server})})
				signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(t)["ES256"], Issuer: "https://issuer.example"})
				if err != nil {
					t.Fatal(err)
				}
				token, err := signer.Sign("at+jwt", map[string]any{"sub": "a", "aud": authtest.Audience, "exp": time.Now().Add(time.Minute).Unix()})
				if err != nil {
					t.Fatal(err)
				}
				if _, err = verifier.Verify(t.Context(), token); reason(err) != "keys_unavailable" {
					t.Errorf("%v, want keys_unavailable", err)
				}
				if n := server.fetches.Load(); n > 4 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// What is of no use in a key set does not spoil the rest.
func TestMixedKeySet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(t)["ES256"], Issuer: "https://issuer.example", KeyID: "good"})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		mixed := strings.Replace(w.Body.String(), `{"keys":[`, `{"keys":[{"kty":"AKP","kid":"pq"},{"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB"},`+
			`{"kty":"EC","crv":"P-256","kid":"off-curve","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"},`+
			`{"kty":"OKP","crv":"X25519","kid":"dh","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"EC","kid":"broken"},`, 1)
		verifier := mustNew(t, jwt.Config{Issuer: "https://issuer.example", Audience: []string{authtest.Audience},
			Keys: jwt.RemoteKeys("https://issuer.example/jwks.json", jwt.RemoteConfig{Transport: &server{answer: respond(200, strings.NewReader(mixed), nil)}})})
		token, err := signer.Sign("at+jwt", map[string]any{"sub": "alice", "aud": authtest.Audience, "exp": time.Now().Add(time.Minute).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := verifier.Verify(t.Context(), token); err != nil || p.Subject != "alice" {
			t.Errorf("%v, %v", p, err)
		}
	})
}

func TestLifetime(t *testing.T) {
	for _, test := range []struct {
		header       string
		after        time.Duration // a refresh must have happened by then
		before       time.Duration // and not by then
		fetchesAfter int64
	}{
		{"", 12*time.Minute + time.Second, 10 * time.Minute, 2},
		{"max-age=1", 48*time.Second + time.Second, 43 * time.Second, 2},
		{"no-store", 48*time.Second + time.Second, 43 * time.Second, 2},
		{"public, Max-Age=600", 8*time.Minute + time.Second, 7 * time.Minute, 2},
		{`max-age="600"`, 8*time.Minute + time.Second, 7 * time.Minute, 2},
		{"max-age=x", 12*time.Minute + time.Second, 10 * time.Minute, 2},
		{"max-age=99999999", 19*time.Hour + 12*time.Minute + time.Second, 17 * time.Hour, 2},
	} {
		t.Run(test.header, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				server.become(func(r *http.Request) (*http.Response, error) {
					response, err := issuer.Transport().RoundTrip(r)
					response.Header = http.Header{"Cache-Control": {test.header}}
					return response, err
				})
				s := remoteService(t, issuer, server)
				s.accepts(issuer.Token(nil))
				time.Sleep(test.before)
				if n := server.fetches.Load(); n != 1 {
					t.Errorf("%d fetches after %v", n, test.before)
				}
				time.Sleep(test.after - test.before)
				synctest.Wait()
				if n := server.fetches.Load(); n != test.fetchesAfter {
					t.Errorf("%d fetches after %v", n, test.after)
				}
			})
		})
	}
}

// The time that a key set has spent in caches on the way is over already (RFC
// 9111 section 4.2.3): it is fetched again within the lifetime that is left.
func TestCaseAuth9AgeCountsAgainstTheLifetime(t *testing.T) {
	for _, test := range []struct {
		control, age string
		lifetime     time.Duration
	}{
		{"max-age=3600", "3500", 100 * time.Second},
		{"max-age=3600", "0", time.Hour},
		{"max-age=3600", "1800", 30 * time.Minute},
		{"max-age=3600", "3600", time.Minute},
		{"max-age=3600", "99999999999999999999", time.Minute},
		{"max-age=99999999999999999999", "3600", 24 * time.Hour},
		{"max-age=60", "59", time.Minute},
		{"max-age=3600", "x", time.Hour},
		{"max-age=600, max-age=86400", "0", 10 * time.Minute},
		{"max-age=86400, max-age=600", "0", 24 * time.Hour},
		{"max-age=x, max-age=600", "0", 10 * time.Minute},
		{"max-age=0, max-age=86400", "0", time.Minute},
		{"max-age=3600", "-5", time.Hour},
		{"max-age=3600", "3500, 1", 100 * time.Second},
		{"max-age=3600", "", time.Hour},
		{"", "600", 5 * time.Minute},
	} {
		t.Run(test.control+"-"+test.age, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				server.become(func(r *http.Request) (*http.Response, error) {
					response, err := issuer.Transport().RoundTrip(r)
					response.Header = http.Header{"Cache-Control": {test.control}, "Age": {test.age}}
					return response, err
				})
				s := remoteService(t, issuer, server)
				s.accepts(issuer.Token(nil))
				time.Sleep(test.lifetime * 7 / 10) // 80 %, and some jitter
				synctest.Wait()
				if n := server.fetches.Load(); n != 1 {
					t.Errorf("%d fetches before the time", n)
				}
				time.Sleep(test.lifetime / 5)
				synctest.Wait()
				if n := server.fetches.Load(); n != 2 {
					t.Errorf("%d fetches, want one more", n)
				}
			})
		})
	}
}

// Over a real connection, with the transport of its own.
func TestRedirectsOnLoopback(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	from := httptest.NewServer(http.RedirectHandler(issuer.KeysURL(), http.StatusFound))
	t.Cleanup(from.Close)
	config := issuer.Config()
	config.Keys = jwt.RemoteKeys(from.URL, jwt.RemoteConfig{})
	if _, err := mustNew(t, config).Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
}

// A kid may come to name a further key of another kind. It is looked for as one
// of a kid that is not known, and no more often.
func TestCaseAuth1AFurtherKeyOfAKnownKid(t *testing.T) {
	ecKey, edKey := newEC(t, elliptic.P256()), signers(t)["EdDSA"]
	first := `{` + ecMembers(&ecKey.PublicKey) + `,"kid":"1"}`
	byEC := tokenOf(`{"alg":"ES256","typ":"at+jwt","kid":"1"}`, goodClaims(), es256(t, ecKey))
	byEd := tokenOf(`{"alg":"EdDSA","typ":"at+jwt","kid":"1"}`, goodClaims(), ed(t, edKey))
	forged := tokenOf(`{"alg":"ES256","typ":"at+jwt","kid":"1"}`, goodClaims(), es256(t, newEC(t, elliptic.P256())))
	synctest.Test(t, func(t *testing.T) {
		server, set := &server{}, first
		server.become(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"keys":[` + set + `]}`))}, nil
		})
		c := configFor(jwt.RemoteKeys("https://issuer.example/keys", jwt.RemoteConfig{Transport: server}))
		s := newService(t, c)
		s.accepts(byEC)
		for range 20 {
			if w := s.send(byEd); w.Code != http.StatusUnauthorized || s.recorder.Events()[0].Reason != "algorithm" {
				t.Errorf("%d, events %+v", w.Code, s.recorder.Events())
			}
			if w := s.send(forged); w.Code != http.StatusUnauthorized || s.recorder.Events()[0].Reason != "signature" {
				t.Errorf("%d, events %+v", w.Code, s.recorder.Events())
			}
		}
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want the first and one look", n)
		}
		set += `,{` + edMembers(edKey.Public()) + `,"kid":"1"}`
		time.Sleep(31 * time.Second) // the Cooldown
		s.accepts(byEd)
		s.accepts(byEC)
		if n := server.fetches.Load(); n != 3 {
			t.Errorf("%d fetches, want one more", n)
		}
	})
}

// A document is as old as its Date says, also if no cache on the way has
// written an Age (RFC 9111 section 4.2.3). Expires counts where there is no
// max-age (section 4.2.1).
func TestAgeByTheDate(t *testing.T) {
	date := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(http.TimeFormat) }
	for name, test := range map[string]struct {
		header   func() http.Header
		lifetime time.Duration
	}{
		"date": {func() http.Header {
			return http.Header{"Cache-Control": {"max-age=3600"}, "Date": {date(3500 * time.Second)}}
		}, 100 * time.Second},
		"date-now":     {func() http.Header { return http.Header{"Cache-Control": {"max-age=3600"}, "Date": {date(0)}} }, time.Hour},
		"date-ahead":   {func() http.Header { return http.Header{"Cache-Control": {"max-age=3600"}, "Date": {date(-time.Hour)}} }, time.Hour},
		"date-garbage": {func() http.Header { return http.Header{"Cache-Control": {"max-age=3600"}, "Date": {"yesterday"}} }, time.Hour},
		"date-and-age": {func() http.Header {
			return http.Header{"Cache-Control": {"max-age=3600"}, "Date": {date(time.Minute)}, "Age": {"3500"}}
		}, 100 * time.Second},
		"date-long-ago": {func() http.Header { return http.Header{"Cache-Control": {"max-age=3600"}, "Date": {date(time.Hour)}} }, time.Minute},
		"date-alone":    {func() http.Header { return http.Header{"Date": {date(10 * time.Minute)}} }, 5 * time.Minute},
		"expires":       {func() http.Header { return http.Header{"Date": {date(0)}, "Expires": {date(-2 * time.Minute)}} }, 2 * time.Minute},
		"expires-and-age": {func() http.Header {
			return http.Header{"Date": {date(0)}, "Expires": {date(-time.Hour)}, "Age": {"3480"}}
		}, 2 * time.Minute},
		"expires-no-date":   {func() http.Header { return http.Header{"Expires": {date(-2 * time.Minute)}} }, 2 * time.Minute},
		"expired":           {func() http.Header { return http.Header{"Date": {date(0)}, "Expires": {"0"}} }, time.Minute},
		"expires-of-a-year": {func() http.Header { return http.Header{"Date": {date(0)}, "Expires": {date(-9000 * time.Hour)}} }, 24 * time.Hour},
		"expires-is-weaker": {func() http.Header {
			return http.Header{"Cache-Control": {"max-age=600"}, "Date": {date(0)}, "Expires": {"0"}}
		}, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				server.become(func(r *http.Request) (*http.Response, error) {
					response, err := issuer.Transport().RoundTrip(r)
					response.Header = test.header()
					return response, err
				})
				s := remoteService(t, issuer, server)
				s.accepts(issuer.Token(nil))
				time.Sleep(test.lifetime * 7 / 10) // 80 %, and some jitter
				synctest.Wait()
				if n := server.fetches.Load(); n != 1 {
					t.Errorf("%d fetches before the time", n)
				}
				time.Sleep(test.lifetime / 5)
				synctest.Wait()
				if n := server.fetches.Load(); n != 2 {
					t.Errorf("%d fetches, want one more", n)
				}
			})
		})
	}
}
