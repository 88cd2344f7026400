package jwt_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// blockedHandler never comes back from a record until it is released.
type blockedHandler struct {
	slog.Handler
	entered  chan struct{}
	released chan struct{}
}

func (h blockedHandler) Handle(context.Context, slog.Record) error {
	h.entered <- struct{}{}
	<-h.released
	return nil
}

// logTo makes h the handler of the default logger for the test. SetDefault
// sends package log there too, and does not take that back.
func logTo(t *testing.T, h slog.Handler) {
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(h))
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
}

func TestABlockedLoggerHoldsUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		blocked := blockedHandler{slog.NewTextHandler(io.Discard, nil), make(chan struct{}, 8), make(chan struct{})}
		logTo(t, blocked)
		defer close(blocked.released)
		server := &server{}
		server.become(respond(http.StatusServiceUnavailable, strings.NewReader(""), nil))
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		verifier := mustNew(t, config)
		verify := func() string {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := verifier.Verify(ctx, issuer.Token(nil))
			return reason(err)
		}
		done := make(chan string, 1)
		for range 5 {
			go func() { done <- verify() }()
			select {
			case got := <-done:
				if got != "keys_unavailable" {
					t.Errorf("reason %q", got)
				}
			case <-time.After(time.Second):
				t.Fatal("a request hangs while the log handler blocks")
			}
			time.Sleep(2 * time.Minute) // past each backoff: the next one fetches again
		}
		synctest.Wait()
		if n := server.fetches.Load(); n != 5 {
			t.Errorf("%d fetches, want 5", n)
		}
		if n := len(blocked.entered); n != 1 {
			t.Errorf("%d goroutines hang in the log, want 1", n)
		}
	})
}

func TestClientsThatHaveGoneWaitNoLonger(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return issuer.Transport().RoundTrip(r)
		})
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		verifier := mustNew(t, config)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		token := issuer.Token(nil)
		for range 2000 {
			if _, err := verifier.Verify(gone, token); reason(err) != "keys_unavailable" {
				t.Fatal(err)
			}
		}
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Error("clients that have gone take the place of one that waits:", err)
		}
	})
}

func TestTooManyWaitersAreRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		server := &server{}
		server.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return issuer.Transport().RoundTrip(r)
		})
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		verifier := mustNew(t, config)
		token := issuer.Token(nil)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var passed, refused int
		for range 1100 {
			wg.Go(func() {
				_, err := verifier.Verify(t.Context(), token)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					passed++
				case reason(err) == "keys_unavailable":
					refused++
				}
			})
		}
		wg.Wait()
		if passed != 1024 || refused != 76 {
			t.Errorf("%d passed, %d were refused; want 1024 and 76", passed, refused)
		}
	})
}

// A transport that panics does so in a goroutine of ours, where nobody else
// could recover.
func TestAPanickingTransportIsAnOutage(t *testing.T) {
	for name, fail := range map[string]func(*http.Request) (*http.Response, error){
		"round-trip": func(*http.Request) (*http.Response, error) { panic("secret-value") },
		"body": func(r *http.Request) (*http.Response, error) {
			return respond(http.StatusOK, panicking{}, nil)(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				var lines bytes.Buffer
				logTo(t, slog.NewTextHandler(&lines, nil))
				server := &server{}
				server.become(fail)
				s := remoteService(t, issuer, server)
				if w := s.send(issuer.Token(nil)); w.Code != http.StatusServiceUnavailable || s.ran {
					t.Errorf("status %d", w.Code)
				}
				synctest.Wait()
				if text := lines.String(); strings.Count(text, "could not be fetched") != 1 || strings.Contains(text, "secret-value") {
					t.Errorf("log %q", text)
				}
				server.become(issuer.Transport().RoundTrip)
				time.Sleep(2 * time.Second)
				s.accepts(issuer.Token(nil))
			})
		})
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("secret-value") }

// A handler that panics must not take the process with it either.
func TestAPanickingLoggerIsSurvived(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		logTo(t, panickingHandler{slog.NewTextHandler(io.Discard, nil)})
		server := &server{}
		server.become(respond(http.StatusServiceUnavailable, strings.NewReader(""), nil))
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: server})
		verifier := mustNew(t, config)
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); reason(err) != "keys_unavailable" {
			t.Error(err)
		}
		synctest.Wait()
	})
}

type panickingHandler struct{ slog.Handler }

func (panickingHandler) Handle(context.Context, slog.Record) error { panic("no log today") }
