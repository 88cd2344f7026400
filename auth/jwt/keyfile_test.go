package jwt_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// keyFile is a file of keys, and a signer whose key can change.
type keyFile struct {
	*testing.T
	path string
	log  *lines
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// newKeyFile makes a place for a file, and takes the log of the program.
func newKeyFile(t *testing.T) *keyFile {
	f := &keyFile{T: t, path: filepath.Join(t.TempDir(), "keys.json"), log: &lines{}}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(f.log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return f
}

func (f *keyFile) write(text string) {
	f.Helper()
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

// replace writes the file as it should be done.
func (f *keyFile) replace(text string) {
	f.Helper()
	if err := os.WriteFile(f.path+".new", []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.Fatal(err)
	}
}

func (f *keyFile) config() jwt.Config {
	c := configFor(jwt.KeyFile(f.path, jwt.RemoteConfig{}))
	c.MaxCached = -1 // so that each request needs its key
	return c
}

// aSigner has a key of its own.
func aSigner(t testing.TB) *jwt.Signer {
	t.Helper()
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: newEC(t, elliptic.P256()), Issuer: issuerURL})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func signed(t testing.TB, signer *jwt.Signer) string {
	t.Helper()
	token, err := signer.Sign("at+jwt", goodClaims())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// wait lets the time pass in which a reading that a request has begun ends.
func (f *keyFile) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func TestKeyFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, first, second := newKeyFile(t), aSigner(t), aSigner(t)
		f.write(jwksOf(first))
		s := newService(t, f.config())
		s.accepts(signed(t, first))
		f.replace(jwksOf(second))
		// A new kid makes the file be read, and the old key is gone with it.
		time.Sleep(time.Second)
		s.accepts(signed(t, second))
		s.refuses(signed(t, first), "unknown_key")
		synctest.Wait()
		if log := f.log.take(); !strings.Contains(log, "has been read anew") || strings.Count(log, "\n") != 1 {
			t.Errorf("log %s", log)
		}
		// A known kid is enough, after the Cooldown: no request waits.
		f.replace(jwksOf(first))
		s.accepts(signed(t, second))
		time.Sleep(5 * time.Second)
		s.accepts(signed(t, second))
		f.settle()
		s.refuses(signed(t, second), "unknown_key")
		s.accepts(signed(t, first))
	})
}

// refuses fails unless the token is refused as a bad one.
func (s *service) refuses(token, reason string) {
	s.Helper()
	w := s.send(token)
	events := s.recorder.Events()
	if w.Code != http.StatusUnauthorized || s.ran || len(events) != 1 || events[0].Reason != reason {
		s.Errorf("%d %s, ran %t, events %+v; want 401 with reason %s", w.Code, w.Body, s.ran, events, reason)
	}
}

// A key that the file no longer has does not live on in cached tokens.
func TestKeyFileWithdrawsCachedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, first, second := newKeyFile(t), aSigner(t), aSigner(t)
		f.write(jwksOf(first))
		s := newService(t, configFor(jwt.KeyFile(f.path, jwt.RemoteConfig{Cooldown: time.Second})))
		token := signed(t, first)
		s.accepts(token)
		f.replace(jwksOf(second))
		time.Sleep(2 * time.Second)
		s.accepts(token) // and begins the reading
		f.settle()
		s.refuses(token, "unknown_key")
	})
}

// A file that cannot be used never costs the keys. The first is told about, and
// then one line a minute.
func TestKeyFileThatTurnsBad(t *testing.T) {
	private := func(t *testing.T) string {
		der, err := x509.MarshalPKCS8PrivateKey(newEC(t, elliptic.P256()))
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	for name, test := range map[string]struct {
		change func(f *keyFile, good string)
		says   string
	}{
		"garbage":     {func(f *keyFile, _ string) { f.write("\x00\xff{not keys") }, "neither PEM nor a JWK"},
		"empty":       {func(f *keyFile, _ string) { f.write("") }, "is empty"},
		"blank":       {func(f *keyFile, _ string) { f.write(" \n") }, "is empty"},
		"truncated":   {func(f *keyFile, good string) { f.write(good[:len(good)-9]) }, "neither PEM nor a JWK"},
		"no-keys":     {func(f *keyFile, _ string) { f.write(`{"keys":[]}`) }, "no usable key"},
		"null":        {func(f *keyFile, _ string) { f.write("null") }, "not a JSON object"},
		"twice":       {func(f *keyFile, good string) { f.write(good + good) }, "neither PEM nor a JWK"},
		"private-pem": {func(f *keyFile, _ string) { f.write(private(f.T)) }, "is a private key"},
		"private-jwk": {func(f *keyFile, _ string) { f.write(`{"keys":[{"kty":"oct","k":"AAAA"}]}`) }, "secret or private key"},
		"cut-pem":     {func(f *keyFile, _ string) { f.write("-----BEGIN PUBLIC KEY-----\nMFkw") }, "cut short"},
		"too-large":   {func(f *keyFile, good string) { f.write(good + strings.Repeat(" ", 600<<10)) }, "RemoteConfig.MaxDocumentBytes"},
		"too-many":    {func(f *keyFile, _ string) { f.write(`{"keys":[` + strings.Repeat(`{},`, 100) + `{}]}`) }, "RemoteConfig.MaxKeys"},
		"removed":     {func(f *keyFile, _ string) { os.Remove(f.path) }, "no such file"},
		"directory": {func(f *keyFile, _ string) {
			os.Remove(f.path)
			os.Mkdir(f.path, 0o700)
		}, "not a regular file"},
		"device": {func(f *keyFile, _ string) {
			os.Remove(f.path)
			os.Symlink("/dev/zero", f.path)
		}, "not a regular file"},
		"dangling": {func(f *keyFile, _ string) {
			os.Remove(f.path)
			os.Symlink(f.path+".gone", f.path)
		}, "no such file"},
		"loop": {func(f *keyFile, _ string) {
			os.Remove(f.path)
			os.Symlink(f.path, f.path)
		}, ""},
		"nameless": {func(f *keyFile, _ string) {
			var text string
			for range 5 {
				text += publicPEM(f.T, newEC(f.T, elliptic.P256()))
			}
			f.write(text)
		}, "without a kid"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && (name == "device" || name == "loop" || name == "dangling") {
				t.Skip("needs symbolic links")
			}
			synctest.Test(t, func(t *testing.T) {
				f, signer, next := newKeyFile(t), aSigner(t), aSigner(t)
				f.write(jwksOf(signer))
				s := newService(t, f.config())
				token := signed(t, signer)
				s.accepts(token)
				test.change(f, jwksOf(signer))
				for range 20 {
					time.Sleep(5 * time.Second)
					s.accepts(token)
					f.settle()
				}
				log := f.log.take()
				if n := strings.Count(log, "level=WARN"); n != 2 || !strings.Contains(log, test.says) || !strings.Contains(log, f.path) {
					t.Errorf("%d warnings in two minutes, want 2 that say %q: %s", n, test.says, log)
				}
				// Nobody can say whether the next key exists.
				w := s.send(signed(t, next))
				events := s.recorder.Events()
				if w.Code != 503 || w.Header().Get("Retry-After") == "" || s.ran || len(events) != 1 || events[0].Reason != "keys_unavailable" {
					t.Errorf("%d %s, events %+v", w.Code, w.Body, events)
				}
				os.RemoveAll(f.path)
				f.replace(jwksOf(next))
				time.Sleep(time.Second)
				s.accepts(signed(t, next))
				s.refuses(signed(t, signer), "unknown_key")
			})
		})
	}
}

// A file that is good and bad in turn has one warning a minute also.
func TestKeyFileThatIsGoodAndBadInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, signer := newKeyFile(t), aSigner(t)
		f.write(jwksOf(signer))
		s := newService(t, f.config())
		begun := time.Now()
		for range 12 {
			f.write("")
			time.Sleep(5 * time.Second)
			s.accepts(signed(t, signer))
			f.settle()
			f.write(jwksOf(signer))
			time.Sleep(5 * time.Second)
			s.accepts(signed(t, signer))
			f.settle()
		}
		minutes := int(time.Since(begun)/time.Minute) + 1
		if log := f.log.take(); strings.Count(log, "level=WARN") != minutes {
			t.Errorf("want %d warnings, one a minute: %s", minutes, log)
		}
	})
}

func publicPEM(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// A writer who takes his time is never seen half way, as long as he does not
// pause for longer than the file must stay the same.
func TestKeyFileHalfWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newKeyFile(t)
		one, two := newEC(t, elliptic.P256()), newEC(t, elliptic.P256())
		whole := publicPEM(t, one) + publicPEM(t, two)
		f.write(whole + "\n")
		c := f.config()
		s := newService(t, c)
		tokens := []string{}
		for _, key := range []*ecdsa.PrivateKey{one, two} {
			tokens = append(tokens, tokenOf(`{"alg":"ES256","typ":"at+jwt"}`, goodClaims(), es256(t, key)))
		}
		s.accepts(tokens[0])
		s.accepts(tokens[1])
		time.Sleep(5 * time.Second)
		f.write(publicPEM(t, one)) // the first block is there, the second is not
		s.accepts(tokens[0])       // begins the reading
		synctest.Wait()
		time.Sleep(50 * time.Millisecond)
		f.write(whole)
		f.settle()
		s.accepts(tokens[1])
		// A file that changes at each look is not believed.
		time.Sleep(5 * time.Second)
		f.write(publicPEM(t, one))
		s.accepts(tokens[1])
		synctest.Wait()
		time.Sleep(25 * time.Millisecond) // between two looks
		for n := range 20 {
			f.write(publicPEM(t, one) + strings.Repeat("\n", n+1))
			time.Sleep(50 * time.Millisecond)
		}
		s.accepts(tokens[1])
		if log := f.log.take(); !strings.Contains(log, "changes all the time") {
			t.Errorf("log %s", log)
		}
	})
}

// A directory that is swapped as Kubernetes does it.
func TestKeyFileBehindASwappedLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links")
	}
	synctest.Test(t, func(t *testing.T) {
		f, first, second := newKeyFile(t), aSigner(t), aSigner(t)
		folder := filepath.Dir(f.path)
		point := func(version, text string) {
			must(t, os.Mkdir(filepath.Join(folder, version), 0o700))
			must(t, os.WriteFile(filepath.Join(folder, version, "keys.json"), []byte(text), 0o600))
			must(t, os.Symlink(version, filepath.Join(folder, "..tmp")))
			must(t, os.Rename(filepath.Join(folder, "..tmp"), filepath.Join(folder, "..data")))
		}
		point("v1", jwksOf(first))
		must(t, os.Symlink(filepath.Join("..data", "keys.json"), f.path))
		s := newService(t, f.config())
		s.accepts(signed(t, first))
		point("v2", jwksOf(second))
		must(t, os.RemoveAll(filepath.Join(folder, "v1")))
		time.Sleep(time.Second)
		s.accepts(signed(t, second))
		s.refuses(signed(t, first), "unknown_key")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Tokens with made-up kids make the file be read once each second, and all who
// come meanwhile are refused at once.
func TestKeyFileAndMadeUpKids(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, signer, next, stranger := newKeyFile(t), aSigner(t), aSigner(t), aSigner(t)
		f.write(jwksOf(signer))
		s := newService(t, f.config())
		time.Sleep(time.Second)
		s.refuses(signed(t, stranger), "unknown_key")
		f.replace(jwksOf(next))
		s.refuses(signed(t, next), "unknown_key") // within the second
		time.Sleep(time.Second)
		s.accepts(signed(t, next))
		var wait sync.WaitGroup
		verifier := mustNew(t, f.config())
		time.Sleep(time.Second)
		began := time.Now()
		for range 100 {
			wait.Go(func() {
				if _, err := verifier.Verify(t.Context(), signed(t, stranger)); reason(err) != "unknown_key" {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("an unchanged file was waited for, for %v", waited)
		}
	})
}

// What is wrong at the start is an error of New.
func TestKeyFileConfigErrors(t *testing.T) {
	f, signer := newKeyFile(t), aSigner(t)
	good := filepath.Join(t.TempDir(), "good")
	must(t, os.WriteFile(good, []byte(jwksOf(signer)), 0o600))
	for _, test := range []struct {
		name, path, text string
		c                jwt.RemoteConfig
		want             []string
	}{
		{"good", good, "", jwt.RemoteConfig{}, nil},
		{"missing", f.path, "", jwt.RemoteConfig{}, []string{"jwt.Keys.Path"}},
		{"no-path", "", "", jwt.RemoteConfig{}, []string{"jwt.Keys.Path"}},
		{"directory", filepath.Dir(good), "", jwt.RemoteConfig{}, []string{"jwt.Keys.Path"}},
		{"garbage", f.path, "garbage", jwt.RemoteConfig{}, []string{"jwt.Keys.Path"}},
		{"private", f.path, `{"kty":"oct","k":"AAAA"}`, jwt.RemoteConfig{}, []string{"jwt.Keys.Path"}},
		{"small-bound", good, "", jwt.RemoteConfig{MaxDocumentBytes: 10}, []string{"jwt.Keys.Path"}},
		{"bounds", good, "", jwt.RemoteConfig{MaxDocumentBytes: -1, MaxKeys: -1, Cooldown: 1, Timeout: -1},
			[]string{"jwt.Keys.Cooldown", "jwt.Keys.MaxDocumentBytes", "jwt.Keys.MaxKeys", "jwt.Keys.Timeout"}},
		{"fields-of-a-fetch", good, "", jwt.RemoteConfig{Transport: http.DefaultTransport, InsecureHTTP: true, MaxStale: 1},
			[]string{"jwt.Keys.InsecureHTTP", "jwt.Keys.MaxStale", "jwt.Keys.Transport"}},
		{"authorities", good, "", jwt.RemoteConfig{RootCAs: x509.NewCertPool()}, []string{"jwt.Keys.RootCAs"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			os.Remove(f.path)
			if test.text != "" {
				f.write(test.text)
			}
			verifier, err := jwt.New(configFor(jwt.KeyFile(test.path, test.c)))
			if got := fieldsOf(err); !slices.Equal(got, test.want) || (verifier == nil) != (test.want != nil) {
				t.Errorf("errors for %q, want %q: %v", got, test.want, err)
			}
		})
	}
	c := configFor(jwt.KeyFile(good, jwt.RemoteConfig{}))
	c.Algorithms = []string{"RS256"}
	if _, err := jwt.New(c); !slices.Equal(fieldsOf(err), []string{"jwt.Algorithms"}) {
		t.Error(err)
	}
}

// The last verifier closes the source, and the next opens it again.
func TestKeyFileShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, first, second := newKeyFile(t), aSigner(t), aSigner(t)
		f.write(jwksOf(first))
		c := f.config()
		one, two := mustNew(t, c), mustNew(t, c)
		must(t, one.Shutdown(t.Context()))
		must(t, one.Shutdown(t.Context()))
		f.replace(jwksOf(second))
		time.Sleep(time.Minute)
		if _, err := two.Verify(t.Context(), signed(t, second)); err != nil {
			t.Fatal(err)
		}
		// Shutdown in the middle of a reading waits for its end.
		f.replace(jwksOf(first))
		time.Sleep(time.Minute)
		if _, err := two.Verify(t.Context(), signed(t, second)); err != nil {
			t.Fatal(err)
		}
		must(t, two.Shutdown(t.Context()))
		time.Sleep(time.Minute)
		if _, err := two.Verify(t.Context(), signed(t, second)); err != nil {
			t.Errorf("the keys are gone: %v", err)
		}
		if _, err := two.Verify(t.Context(), signed(t, first)); reason(err) != "keys_unavailable" {
			t.Errorf("%v", err)
		}
		if err := two.Refresh(t.Context()); reason(err) != "keys_unavailable" {
			t.Errorf("%v", err)
		}
		three := mustNew(t, c)
		if _, err := three.Verify(t.Context(), signed(t, second)); err != nil {
			t.Fatal(err)
		}
		f.settle()
		if _, err := three.Verify(t.Context(), signed(t, first)); err != nil {
			t.Errorf("the source was not opened again: %v", err)
		}
	})
}

// An operator who has replaced the file need not wait.
func TestKeyFileRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, first, second := newKeyFile(t), aSigner(t), aSigner(t)
		f.write(jwksOf(first))
		verifier := mustNew(t, f.config())
		f.replace(jwksOf(second))
		must(t, verifier.Refresh(t.Context()))
		if _, err := verifier.Verify(t.Context(), signed(t, first)); reason(err) != "unknown_key" {
			t.Error(err)
		}
		f.write("garbage")
		err := verifier.Refresh(t.Context())
		if reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), "neither PEM nor a JWK") {
			t.Error(err)
		}
		if _, err := verifier.Verify(t.Context(), signed(t, second)); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := verifier.Refresh(ctx); reason(err) != "keys_unavailable" {
			t.Error(err)
		}
	})
}

// Readers never meet a set that is half old and half new.
func TestKeyFileConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, first, second := newKeyFile(t), aSigner(t), aSigner(t)
		both := strings.Replace(jwksOf(first), `]}`, ","+strings.TrimPrefix(jwksOf(second), `{"keys":[`), 1)
		f.write(both)
		verifier := mustNew(t, f.config())
		tokens := []string{signed(t, first), signed(t, second)}
		var wait sync.WaitGroup
		for n := range 4 {
			wait.Go(func() {
				for range 100 {
					if _, err := verifier.Verify(t.Context(), tokens[n%2]); err != nil {
						t.Error(err)
						return
					}
					time.Sleep(30 * time.Millisecond)
				}
			})
		}
		wait.Go(func() {
			f.replace(both + "\n")
			if err := verifier.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
			f.write(both[:20])
			if err := verifier.Refresh(t.Context()); reason(err) != "keys_unavailable" {
				t.Error(err)
			}
		})
		wait.Wait()
	})
}
