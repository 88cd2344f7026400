package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// A refresh under way was begun before the issuer had the key of the token that
// comes meanwhile: that the refresh does not bring it says nothing.
func TestTokenNewerThanTheRefreshUnderWay(t *testing.T) {
	for _, together := range []int{1, 20} {
		t.Run(fmt.Sprintf("tokens=%d", together), func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				server.become(delayed(time.Second, issuer.Transport().RoundTrip))
				config := issuer.Config()
				config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
				verifier := mustNew(t, config)
				if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
					t.Fatal(err)
				}
				go jwt.Refresh(config.Keys)
				synctest.Wait() // the answer is on its way
				issuer.Rotate()
				var wg sync.WaitGroup
				for range together {
					token := issuer.Token(nil)
					wg.Go(func() {
						if _, err := verifier.Verify(t.Context(), token); err != nil {
							t.Error("a good token of a new key:", err)
						}
					})
				}
				wg.Wait()
				if n := server.fetches.Load(); n != 3 {
					t.Errorf("%d fetches, want one more than the refresh", n)
				}
				// Forged ones wait for no more than that, and make no fetch of
				// their own.
				go jwt.Refresh(config.Keys)
				synctest.Wait()
				for range 50 {
					if _, err := verifier.Verify(t.Context(), tokenWithKid(t, issuer, rand.Text())); reason(err) != "unknown_key" {
						t.Error(err)
					}
				}
				if n := server.fetches.Load(); n != 4 {
					t.Errorf("%d fetches, want the second refresh and no more", n)
				}
			})
		})
	}
}

// What a refresh brings while the tokens of a kid wait for it is not lost on
// them, although they may not look again.
func TestKeyThatComesWithTheRefreshUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(issuer.Transport().RoundTrip)
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		verifier := mustNew(t, config)
		if _, err := verifier.Verify(t.Context(), tokenWithKid(t, issuer, "forged")); reason(err) != "unknown_key" {
			t.Fatal(err) // and from now on there is a cooldown
		}
		issuer.Rotate()
		server.become(delayed(time.Second, issuer.Transport().RoundTrip))
		go jwt.Refresh(config.Keys)
		synctest.Wait()
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Error(err)
		}
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// A refresh that fails while tokens of an unknown kid wait for it is an outage.
func TestRefreshUnderWayFails(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(issuer.Transport().RoundTrip)
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		s := newService(t, config)
		s.accepts(issuer.Token(nil))
		server.become(hang)
		go jwt.Refresh(config.Keys)
		synctest.Wait()
		assertUnavailable(t, s, s.send(tokenWithKid(t, issuer, "unknown")))
		s.accepts(issuer.Token(nil))
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// A fetch may take longer than the Cooldown: those who have waited for it make
// no other one.
func TestUnknownKidsWithAShortCooldown(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(issuer.Transport().RoundTrip)
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server, Cooldown: time.Second})
		verifier := mustNew(t, config)
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Fatal(err)
		}
		server.become(delayed(3*time.Second, issuer.Transport().RoundTrip))
		var wg sync.WaitGroup
		for i := range 20 {
			token := tokenWithKid(t, issuer, fmt.Sprint("random-", i))
			wg.Go(func() {
				if _, err := verifier.Verify(t.Context(), token); reason(err) != "unknown_key" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := server.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// Retry-After is when the next fetch is due: who comes earlier makes none, who
// comes then does, and the wait grows up to a minute.
func TestRetryAfterIsTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, refused)
		s, signer := discovered(t, w, issuerURL)
		var waits []int
		for range 10 {
			for range 5 {
				if answer := s.send(tokenBy(signer)); answer.Code != http.StatusServiceUnavailable {
					t.Fatalf("status %d", answer.Code)
				}
			}
			seconds, err := strconv.Atoi(s.send(tokenBy(signer)).Header().Get("Retry-After"))
			if err != nil {
				t.Fatal(err)
			}
			waits = append(waits, seconds)
			if got := w.took(); len(got) != 1 {
				t.Errorf("asked for %q before the time", got)
			}
			time.Sleep(time.Duration(seconds) * time.Second)
		}
		if waits[0] != 1 || waits[3] < 7 || waits[9] < 54 || slices.Max(waits) > 60 {
			t.Errorf("waits of %v seconds", waits)
		}
		w.put(wellKnown, metadataOf(issuerURL, keysURL))
		s.accepts(tokenBy(signer))
	})
}

// A transport that does not listen to its context keeps no request for ever,
// not even one that has no deadline.
func TestDeafTransport(t *testing.T) {
	for name, deaf := range map[string]page{
		"round-trip": func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Hour)
			return nil, errors.New("late")
		},
		"body": func(r *http.Request) (*http.Response, error) { return respond(http.StatusOK, sleeping{}, nil)(r) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				server := &server{}
				server.become(deaf)
				s := remoteService(t, issuer, server)
				for _, most := range []time.Duration{6 * time.Second, 0} {
					began := time.Now()
					assertUnavailable(t, s, s.send(issuer.Token(nil)))
					if waited := time.Since(began); waited > most {
						t.Errorf("a request waited %v, want %v", waited, most)
					}
				}
				if n := server.fetches.Load(); n != 1 {
					t.Errorf("%d requests at a time", n)
				}
				server.become(issuer.Transport().RoundTrip)
				time.Sleep(2 * time.Hour)
				s.accepts(issuer.Token(nil))
			})
		})
	}
}

type sleeping struct{}

func (sleeping) Read([]byte) (int, error) {
	time.Sleep(time.Hour)
	return 0, io.EOF
}

// The instances of a fleet that started together do not ask together: each
// refreshes at a moment of its own between 72 and 80 % of the lifetime.
func TestRefreshesAreSpread(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		began := time.Now()
		var mu sync.Mutex
		var moments []time.Duration
		server := &server{}
		server.become(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			moments = append(moments, time.Since(began))
			return issuer.Transport().RoundTrip(r)
		})
		for range 50 {
			remoteService(t, issuer, server).accepts(issuer.Token(nil))
		}
		time.Sleep(241 * time.Second) // the keys live for 300
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		refreshes := moments[50:]
		if len(refreshes) != 50 {
			t.Fatalf("%d refreshes of 50", len(refreshes))
		}
		first, last := slices.Min(refreshes), slices.Max(refreshes)
		if first < 216*time.Second || last > 240*time.Second || last-first < 10*time.Second {
			t.Errorf("the refreshes are between %v and %v", first, last)
		}
	})
}

// An issuer that is up and down all day, in every way, and changes its keys by
// the book meanwhile: nobody notices.
func TestFlappingIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sign := func(key *ecdsa.PrivateKey, beside ...crypto.PublicKey) *jwt.Signer {
			signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuerURL, Retired: beside})
			if err != nil {
				t.Fatal(err)
			}
			return signer
		}
		ways := []page{nil, nil, nil, nil, hang, refused, status(http.StatusBadGateway), document("<html>"), moved("http://parking.example/")}
		w := &web{}
		flap := func(url string, well page) {
			way := ways[mathrand.N(len(ways))]
			if way == nil {
				way = well
			}
			w.put(url, way)
		}
		s, _ := discovered(t, w, issuerURL)
		key, next := newKey(t), newKey(t)
		signer := sign(key)
		w.put(wellKnown, metadataOf(issuerURL, keysURL))
		w.put(keysURL, keysOf(signer))
		s.accepts(tokenBy(signer))
		for minute := range 24 * 60 {
			switch minute % 120 {
			case 0: // the next key is published an hour ahead
				next = newKey(t)
				signer = sign(key, next.Public())
			case 60: // and the last one for an hour longer
				signer = sign(next, key.Public())
				key = next
			}
			for range 4 {
				flap(wellKnown, metadataOf(issuerURL, keysURL))
				flap(keysURL, keysOf(signer))
				time.Sleep(15 * time.Second)
				began := time.Now()
				s.accepts(tokenBy(signer))
				if waited := time.Since(began); waited != 0 {
					t.Fatalf("a request waited %v", waited)
				}
			}
		}
	})
}

// Keys that nobody asks for are forgotten with the place where they were, and
// nothing runs on for them.
func TestDiscoveredKeysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, metadataOf(issuerURL, keysURL))
		s, signer := discovered(t, w, issuerURL)
		s.accepts(tokenBy(signer))
		time.Sleep(48 * time.Hour)
		w.took()
		time.Sleep(48 * time.Hour)
		if got := w.took(); got != nil {
			t.Errorf("asked for %q for nobody", got)
		}
		s.accepts(tokenBy(signer))
		if got, want := w.took(), []string{wellKnown, keysURL}; !slices.Equal(got, want) {
			t.Errorf("asked for %q, want %q", got, want)
		}
	})
}

func TestShutdownWhileDiscovering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, hang)
		keys := jwt.Discover(issuerURL, jwt.RemoteConfig{Transport: w})
		verifier := mustNew(t, configFor(keys))
		_, signer := discovered(t, &web{}, issuerURL)
		done := make(chan error)
		go func() {
			_, err := verifier.Verify(t.Context(), tokenBy(signer))
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		if err := verifier.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-done; reason(err) != "keys_unavailable" || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if got := w.took(); len(got) != 1 {
			t.Errorf("asked for %q", got)
		}
	})
}

// Verifiers that share a source share its fetches.
func TestVerifiersShareDiscoveredKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{}
		w.put(wellKnown, metadataOf(issuerURL, keysURL))
		_, signer := discovered(t, w, issuerURL)
		keys := jwt.Discover(issuerURL, jwt.RemoteConfig{Transport: w})
		for range 3 {
			if _, err := mustNew(t, configFor(keys)).Verify(t.Context(), tokenBy(signer)); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := w.took(), []string{wellKnown, keysURL}; !slices.Equal(got, want) {
			t.Errorf("asked for %q, want %q", got, want)
		}
	})
}

// A hundred keys of 8192 bits with the greatest exponent are within the bounds.
func TestHundredGreatestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, signer := discovered(t, &web{}, issuerURL)
		var set bytes.Buffer
		for i := range 99 {
			modulus := make([]byte, 1024)
			rand.Read(modulus)
			modulus[0] |= 0x80
			modulus[1023] |= 1
			fmt.Fprintf(&set, `{"kty":"RSA","kid":"big-%d","e":"f____w","n":%q},`, i, base64.RawURLEncoding.EncodeToString(modulus))
		}
		response, err := keysOf(signer)(&http.Request{Method: http.MethodGet})
		if err != nil {
			t.Fatal(err)
		}
		own, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(own), `{"keys":[`, `{"keys":[`+set.String(), 1)
		w := &web{}
		w.put(keysURL, document(text))
		keys := jwt.RemoteKeys(keysURL, jwt.RemoteConfig{Transport: w})
		verifier := mustNew(t, configFor(keys))
		if _, err := verifier.Verify(t.Context(), tokenBy(signer)); err != nil {
			t.Fatal(err)
		}
		if err := jwt.Refresh(keys); err != nil {
			t.Error(err)
		}
		if _, err := verifier.Verify(t.Context(), tokenBy(signer)); err != nil {
			t.Error(err)
		}
	})
}

// What the server has written comes into the log in a short form only.
func TestLogOfFailedFetchesIsShort(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for name, answer := range map[string]page{
		"type-of-a-key":      document(`{"keys":[{"kty":"` + long + `"}]}`),
		"type-of-the-key":    document(`{"kty":"` + long + `"}`),
		"curve":              document(`{"keys":[{"kty":"EC","crv":"` + long + `","x":"AA","y":"AA"}]}`),
		"member":             document(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + long + `"}]}`),
		"name":               document(`{"keys":[],"` + long + `":1}`),
		"redirect":           moved("http://user:secret@issuer.example/" + long),
		"redirect-to-no-url": moved("https://%zz" + long),
		"error":              func(*http.Request) (*http.Response, error) { return nil, errors.New(long) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lines bytes.Buffer
				logTo(t, slog.NewJSONHandler(&lines, nil))
				w := &web{}
				w.put(keysURL, answer)
				_, signer := discovered(t, &web{}, issuerURL)
				s := newService(t, configFor(jwt.RemoteKeys(keysURL, jwt.RemoteConfig{Transport: w})))
				assertUnavailable(t, s, s.send(tokenBy(signer)))
				synctest.Wait()
				if text := lines.String(); len(text) > 1000 || !strings.Contains(text, "could not be fetched") || strings.Contains(text, "secret") {
					t.Errorf("%d bytes in the log: %.1000s", len(text), text)
				}
				if cause := causeOf(s.recorder.Events()); len(cause) > 500 || strings.Contains(cause, "secret") {
					t.Errorf("%d bytes in the event: %.1000s", len(cause), cause)
				}
			})
		})
	}
}
