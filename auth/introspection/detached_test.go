package introspection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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

// A transport that panics does so in a goroutine of ours, where nobody else
// could recover.
func TestAPanickingTransportIsAnOutage(t *testing.T) {
	for name, fail := range map[string]func(*http.Request) (*http.Response, error){
		"round-trip": func(*http.Request) (*http.Response, error) { panic("secret-value") },
		"body":       respond(200, "application/json", panicking{}),
		"goexit": func(*http.Request) (*http.Response, error) {
			runtime.Goexit()
			return nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, s *server, service *service) {
				var lines bytes.Buffer
				logTo(t, slog.NewTextHandler(&lines, nil))
				s.become(fail)
				service.unavailable("opaque")
				synctest.Wait()
				if text := lines.String(); strings.Count(text, "cannot be asked") != 1 || strings.Contains(text, "secret-value") {
					t.Errorf("log %q", text)
				}
				s.become(says(good))
				time.Sleep(time.Second)
				service.accepts("opaque")
			})
		})
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("secret-value") }

// An outage is logged when it begins and at each try, not for each request.
func TestOutagesAreLogged(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		var lines bytes.Buffer
		logTo(t, slog.NewTextHandler(&lines, nil))
		s.become(status(401))
		for n := range 100 {
			service.unavailable(fmt.Sprint(n))
		}
		synctest.Wait()
		text := lines.String()
		if strings.Count(text, "\n") != 1 || !strings.Contains(text, "as the credentials of this service: the answer is 401") || !strings.Contains(text, issuerURL) {
			t.Errorf("log %q", text)
		}
		if strings.Contains(text, "hunter2") {
			t.Errorf("the log has the secret: %q", text)
		}
	})
}

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

func TestABlockedLoggerHoldsUpNobody(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		blocked := blockedHandler{slog.NewTextHandler(io.Discard, nil), make(chan struct{}, 8), make(chan struct{})}
		logTo(t, blocked)
		defer close(blocked.released)
		s.become(refuse)
		for n := range 5 {
			began := time.Now()
			service.unavailable(fmt.Sprint(n))
			if waited := time.Since(began); waited != 0 {
				t.Errorf("waited %v", waited)
			}
			time.Sleep(time.Minute)
		}
		if n := s.asked.Load(); n != 5 {
			t.Errorf("%d questions, want 5", n)
		}
		if n := len(blocked.entered); n != 1 {
			t.Errorf("%d goroutines hang in the log, want 1", n)
		}
		if err := service.introspector.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

type panickingHandler struct{ slog.Handler }

func (panickingHandler) Handle(context.Context, slog.Record) error { panic("no log today") }

// A handler that panics must not take the process with it either.
func TestAPanickingLoggerIsSurvived(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		logTo(t, panickingHandler{slog.NewTextHandler(io.Discard, nil)})
		for _, broken := range []func(*http.Request) (*http.Response, error){refuse, func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Minute) // lands by the timer
			return nil, errors.New("late")
		}} {
			s.become(broken)
			service.unavailable("opaque")
			time.Sleep(2 * time.Minute)
		}
	})
}
