package transport_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/headers/transport"
)

const badHandshake = "http: TLS handshake error from 192.0.2.7:1234: EOF"

// tally is a slog.Handler that counts what records tell of, after before.
type tally struct {
	slog.Handler
	before func()
	mu     *sync.Mutex
	told   map[string]int // by reason
}

func newTally(before func()) tally {
	return tally{slog.DiscardHandler, before, new(sync.Mutex), map[string]int{}}
}

func (h tally) Enabled(context.Context, slog.Level) bool { return true }

func (h tally) Handle(_ context.Context, r slog.Record) error {
	h.before()
	count, reason := 1, ""
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "count":
			count = max(1, int(a.Value.Int64()))
		case "reason":
			reason = a.Value.String()
		}
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told[reason] += count
	return nil
}

// of returns how many lines with reason have been told.
func (h tally) of(reason string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.told[reason]
}

// install makes h the default for a test.
func install(t *testing.T, h slog.Handler) {
	before := slog.Default()
	slog.SetDefault(slog.New(h))
	t.Cleanup(func() { slog.SetDefault(before) })
}

// A handler that hangs holds neither connections nor the stop, and nothing that
// happened meanwhile is lost from the counts.
func TestErrorLogHandlerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		told := newTally(func() { <-release })
		install(t, told)
		cert, _ := certificate(t, ecdsaKey(t))
		server := transport.Server(readAll)
		server.TLSConfig = transport.TLS()
		server.TLSConfig.Certificates = []tls.Certificate{cert}
		ctx, stop := context.WithCancel(t.Context())
		ln := newPipes()
		served := make(chan error, 1)
		var start time.Time
		go func() {
			served <- transport.Serve(ctx, ln, server, closer(func(context.Context) error {
				if took := time.Since(start); took != time.Second {
					t.Errorf("the stack is shut down after %s, want the second for the log", took)
				}
				return nil
			}))
		}()
		const connections = 50
		for range connections {
			conn := ln.dial()
			conn.SetDeadline(time.Now().Add(time.Second))
			io.WriteString(conn, "\x15\x03\x01\x00\x02\x02\x00") // an alert instead of a ClientHello
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Fatalf("the server did not hang up: %v", err)
			}
		}
		synctest.Wait()
		start = time.Now()
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
		close(release)
		synctest.Wait()
		if got := told.of("transport.tls_handshake"); got != connections {
			t.Errorf("%d handshakes were told, want %d", got, connections)
		}
	})
}

// What waits behind a handler that hangs is bounded; what did not fit is
// counted.
func TestErrorLogDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		written := new(atomic.Int64)
		told := newTally(func() { <-release; written.Add(1) })
		install(t, told)
		logger := transport.Server(readAll).ErrorLog
		sent := 0
		for range 30 {
			for range 100 {
				logger.Print(badHandshake)
				sent++
			}
			time.Sleep(time.Minute)
		}
		for range 7 { // none of these finds room
			logger.Print("http: Accept error: too many open files")
		}
		close(release)
		synctest.Wait()
		if got := written.Load(); got > 110 {
			t.Errorf("%d records were waiting, want at most 106", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := told.of("transport.tls_handshake"); got != sent {
			t.Errorf("%d of %d handshakes were told", got, sent)
		}
		if got := told.of("transport.accept"); got != 7 {
			t.Errorf("%d of 7 failures to accept were told", got)
		}
	})
}

// The count of what was not written is told before the stack is shut down.
func TestServeTellsTheLastCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := newTally(func() { time.Sleep(time.Millisecond) })
		install(t, told)
		server := transport.Server(readAll)
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		shut := false
		go func() {
			served <- transport.Serve(ctx, newPipes(), server, closer(func(context.Context) error {
				shut = true
				if got := told.of("transport.tls_handshake"); got != 1000 {
					t.Errorf("%d handshakes were told before the stack is shut down, want 1000", got)
				}
				return nil
			}))
		}()
		for range 1000 {
			server.ErrorLog.Print(badHandshake)
		}
		stop()
		if err := <-served; err != nil || !shut {
			t.Errorf("Serve returned %v, stack shut down %t", err, shut)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := told.of("transport.tls_handshake"); got != 1000 {
			t.Errorf("%d handshakes were told in the end, want 1000", got)
		}
	})
}

// A handler that panics, or ends its goroutine, loses its record and no other.
func TestErrorLogHandlerFails(t *testing.T) {
	for name, fail := range map[string]func(){"panics": func() { panic("boom") }, "ends_its_goroutine": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				told := newTally(func() {
					if calls++; calls == 1 {
						fail()
					}
				})
				install(t, told)
				logger := transport.Server(readAll).ErrorLog
				for range 3 {
					logger.Print(badHandshake)
				}
				synctest.Wait()
				if got := told.of("transport.tls_handshake"); got != 2 {
					t.Errorf("%d records after one that failed, want 2", got)
				}
			})
		})
	}
}
