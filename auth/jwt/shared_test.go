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

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// shares are the sources that verifiers can share.
func shares(issuer *authtest.Issuer, transport http.RoundTripper) map[string]jwt.KeySource {
	return map[string]jwt.KeySource{
		"remote":   jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: transport}),
		"discover": jwt.Discover(issuer.URL(), jwt.RemoteConfig{Transport: transport}),
	}
}

// A source ends with the last of its verifiers, in whichever order they are made
// and shut down: a capital letter makes one, a small one shuts it down, a digit
// verifies a token with it (A is 0), and a minus sign is an hour.
func TestCaseAuth10SharedKeysEndWithTheLast(t *testing.T) {
	for _, order := range []string{
		"ABa1", "ABb0", "A0Ba1b", "ABab C2", "Aa B1", "A0a-B1", "ABCba2c", "AaBbCcD3", "ABaa1", "ABaaa-1b", "A0a---------------------------B1", "AB01a-1-1b",
	} {
		for name := range shares(&authtest.Issuer{}, nil) {
			t.Run(order+"/"+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
					config := issuer.Config()
					config.Keys = shares(issuer, issuer.Transport())[name]
					var all []*jwt.Verifier
					for _, step := range order {
						switch {
						case step >= 'A' && step <= 'Z':
							all = append(all, mustNew(t, config))
						case step >= 'a' && step <= 'z':
							if err := all[step-'a'].Shutdown(t.Context()); err != nil {
								t.Errorf("%c: %v", step, err)
							}
						case step >= '0' && step <= '9':
							if _, err := all[step-'0'].Verify(t.Context(), issuer.Token(nil)); err != nil {
								t.Errorf("%c in %q: %v", step, order, err)
							}
						case step == '-':
							time.Sleep(time.Hour)
						}
					}
				})
			})
		}
	}
}

// When the last has gone nothing is fetched any more, and one that was counted
// twice does not take the source from the others.
func TestCaseAuth10TheLastOneCloses(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(issuer.Transport().RoundTrip)
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		old, young := mustNew(t, config), mustNew(t, config)
		old.Shutdown(t.Context())
		old.Shutdown(t.Context())
		if _, err := young.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute) // a refresh, at 80 % of five minutes
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want the first and a refresh", n)
		}
		young.Shutdown(t.Context())
		time.Sleep(time.Hour)
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches after the last shutdown", n)
		}
		issuer.Rotate()
		if _, err := young.Verify(t.Context(), issuer.Token(nil)); reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), "shut down") {
			t.Errorf("%v, want that it has been shut down", err)
		}
		if _, err := mustNew(t, config).Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Errorf("a verifier that was made after the last shutdown: %v", err)
		}
	})
}

// A fetch that was cancelled by the last shutdown, and ends late, is nothing to
// those who come afterwards.
func TestCaseAuth10ALateFetchOfAnEarlierLife(t *testing.T) {
	for name := range shares(&authtest.Issuer{}, nil) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				server.become(func(*http.Request) (*http.Response, error) { // does not listen to its context
					time.Sleep(10 * time.Second)
					return nil, errors.New("late")
				})
				config := issuer.Config()
				config.Keys = shares(issuer, server)[name]
				old := mustNew(t, config)
				go old.Verify(t.Context(), issuer.Token(nil))
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := old.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
				server.become(issuer.Transport().RoundTrip)
				young := mustNew(t, config)
				if _, err := young.Verify(t.Context(), issuer.Token(nil)); err != nil {
					t.Error(err)
				}
				time.Sleep(20 * time.Second)
				if _, err := young.Verify(t.Context(), issuer.Token(nil)); err != nil {
					t.Errorf("after the late end: %v", err)
				}
			})
		})
	}
}

func TestCaseAuth10ManyAtOnce(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				verifier, err := jwt.New(config)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
					t.Error(err)
				}
				if err := verifier.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
