package jwt_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// demanded is a verifier whose keys come from server, and count.
func demanded(t *testing.T, issuer *authtest.Issuer, server *server) *jwt.Verifier {
	if server.answer == nil {
		server.become(issuer.Transport().RoundTrip)
	}
	config := issuer.Config()
	config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
	return mustNew(t, config)
}

// An operator who has withdrawn a key need not wait for the next fetch.
func TestRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		verifier := demanded(t, issuer, server)
		stolen := issuer.Token(nil)
		verify := func(token, want string) {
			t.Helper()
			if _, err := verifier.Verify(t.Context(), token); err != nil && reason(err) != want || err == nil && want != "" {
				t.Errorf("%v, want %q", err, want)
			}
		}
		must(t, verifier.Refresh(t.Context())) // before the first token
		verify(stolen, "")
		issuer.Rotate()
		verify(stolen, "") // it is cached, and its key is known
		time.Sleep(time.Second)
		must(t, verifier.Refresh(t.Context()))
		verify(stolen, "unknown_key") // which begins a look
		verify(issuer.Token(nil), "")
		// The Cooldown of that look does not hold for an operator.
		issuer.Rotate()
		fresh := issuer.Token(nil)
		verify(fresh, "unknown_key")
		time.Sleep(time.Second)
		must(t, verifier.Refresh(t.Context()))
		verify(fresh, "")
	})
}

// Many who call share a fetch, and there is at most one each second.
func TestRefreshesShareAFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		verifier := demanded(t, issuer, server)
		began := time.Now()
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				if err := verifier.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		// Those who came after its begin wait for the next.
		if n, waited := server.fetches.Load(), time.Since(began); n > 2 || waited > time.Second {
			t.Errorf("%d fetches, in %v", n, waited)
		}
		before := server.fetches.Load()
		for range 10 {
			must(t, verifier.Refresh(t.Context()))
		}
		if n, waited := server.fetches.Load()-before, time.Since(began); n != 10 || waited < 9*time.Second || waited > 11*time.Second {
			t.Errorf("%d fetches in %v, want one each second", n, waited)
		}
	})
}

// A fetch that is under way may bring what was true before the call.
func TestRefreshAfterTheFetchUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(func(r *http.Request) (*http.Response, error) {
			response, err := issuer.Transport().RoundTrip(r)
			time.Sleep(2 * time.Second) // on the way
			return response, err
		})
		verifier := demanded(t, issuer, server)
		old := issuer.Token(nil)
		go verifier.Verify(t.Context(), old)
		synctest.Wait()
		issuer.Rotate()
		must(t, verifier.Refresh(t.Context()))
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want one that began after the call", n)
		}
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Errorf("the new key is not there: %v", err)
		}
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// A Refresh that fails says why, and costs nobody a key.
func TestRefreshFails(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		verifier := demanded(t, issuer, server)
		token := issuer.Token(nil)
		must(t, verifier.Refresh(t.Context()))
		for name, test := range map[string]struct {
			answer func(*http.Request) (*http.Response, error)
			says   string
		}{
			"down":    {respond(503, http.NoBody, nil), "the answer is 503"},
			"garbage": {respond(200, strings.NewReader("garbage"), nil), "read the key set"},
			"hanging": {hang, "RemoteConfig.Timeout is 5s"},
			"panics":  {func(*http.Request) (*http.Response, error) { panic("secret") }, "Transport panicked"},
		} {
			time.Sleep(time.Second)
			server.become(test.answer)
			err := verifier.Refresh(t.Context())
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 503 || p.Log.Reason != "keys_unavailable" || p.RetryAfter <= 0 || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Errorf("%s: a known key is gone: %v", name, err)
			}
		}
		server.become(issuer.Transport().RoundTrip)
		must(t, verifier.Refresh(t.Context())) // the pause after failures does not hold for it
	})
}

// The context ends the wait, not the fetch.
func TestRefreshEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return issuer.Transport().RoundTrip(r)
		})
		verifier := demanded(t, issuer, server)
		began := time.Now()
		for _, wait := range []time.Duration{time.Second, 2500 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			err := verifier.Refresh(ctx)
			cancel()
			if reason(err) != "keys_unavailable" || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		}
		if waited := time.Since(began); waited != 3500*time.Millisecond {
			t.Errorf("waited for %v", waited)
		}
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		server.become(issuer.Transport().RoundTrip)
		must(t, verifier.Refresh(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := verifier.Refresh(ctx); reason(err) != "keys_unavailable" || !errors.Is(err, context.Canceled) { // while it waits for its turn
			t.Error(err)
		}
	})
}

func TestRefreshOfOtherKeys(t *testing.T) {
	signer := aSigner(t)
	must(t, mustNew(t, configFor(signer.Keys())).Refresh(t.Context()))
	must(t, mustNew(t, configFor(jwt.StaticKeys(jwksOf(signer)))).Refresh(t.Context()))
	for _, v := range []*jwt.Verifier{nil, {}} {
		var unmade *bulwark.ConfigError
		if err := v.Refresh(t.Context()); !errors.As(err, &unmade) {
			t.Errorf("%v", err)
		}
	}
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		verifier := demanded(t, issuer, &server{})
		must(t, verifier.Refresh(t.Context()))
		must(t, verifier.Shutdown(t.Context()))
		time.Sleep(time.Minute)
		if err := verifier.Refresh(t.Context()); reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), "shut down") {
			t.Error(err)
		}
	})
}

// Keys that have moved are looked for anew.
func TestRefreshLooksForTheKeysAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, metadataOf(issuerURL, keysURL))
		s, signer := discovered(t, w, issuerURL)
		s.accepts(tokenBy(signer))
		next, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: issuerURL})
		must(t, err)
		const moved = "https://keys.example/moved.json"
		w.put(wellKnown, metadataOf(issuerURL, moved))
		w.put(moved, keysOf(next))
		must(t, s.verifier.Refresh(t.Context()))
		s.accepts(tokenBy(next))
	})
}
