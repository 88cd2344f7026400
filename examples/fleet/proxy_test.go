package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A backend of these tests answers, or ends each connection in the middle of a
// request, or is not there.
const (
	answers = iota
	breaks
	absent
)

// behind returns a proxy in front of two backends of these kinds, and how many
// requests each has seen.
func behind(t *testing.T, kinds ...int) (*proxy, []*atomic.Int32) {
	t.Helper()
	dir, err := os.MkdirTemp("", "p") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var members []*member
	var seen []*atomic.Int32
	for i, kind := range kinds {
		socket := filepath.Join(dir, string(rune('a'+i)))
		count := &atomic.Int32{}
		members, seen = append(members, &member{settings: settings{Process: i + 1, Socket: socket}}), append(seen, count)
		if kind == absent {
			continue
		}
		ln, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		if kind == breaks {
			go func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						count.Add(1)
					}
					conn.Close()
				}
			}()
			continue
		}
		go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			count.Add(1)
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Got-Client", strings.Join(r.Header["X-Forwarded-For"], "|"))
			w.Header().Set("Got-Host", r.Host)
			w.Write(body)
		}))
	}
	p := newProxy(members)
	t.Cleanup(func() {
		for _, b := range p.backends {
			b.transport.CloseIdleConnections()
		}
	})
	return p, seen
}

// send sends a request with both backends marked as healthy, so that the proxy
// finds out by itself which of them is not. The first backend comes first.
func send(p *proxy, method, body string) *http.Response {
	for _, b := range p.backends {
		b.healthy.Store(true)
	}
	p.next.Store(uint64(len(p.backends)) - 1)
	r := httptest.NewRequest(method, "http://api.example.com/documents", strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.RemoteAddr = "192.0.2.7:1234"
	r.Header.Set("X-Forwarded-For", "203.0.113.1")
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result()
}

func TestTheProxyRepeatsOnlyWhatItMay(t *testing.T) {
	for _, test := range []struct {
		name         string
		first        int
		method, body string
		status       int
		second       int32 // requests that the second backend sees
	}{
		{"dead_process_GET", absent, "GET", "", 200, 1},
		{"dead_process_POST", absent, "POST", "", 200, 1},
		{"dead_process_POST_with_body", absent, "POST", "text", 200, 1},
		{"broken_GET", breaks, "GET", "", 200, 1},
		{"broken_HEAD", breaks, "HEAD", "", 200, 1},
		{"broken_GET_with_body", breaks, "GET", "text", 502, 0},
		{"broken_POST", breaks, "POST", "", 502, 0},
		{"broken_POST_with_body", breaks, "POST", "text", 502, 0},
		{"broken_DELETE", breaks, "DELETE", "", 502, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, seen := behind(t, test.first, answers)
			got := send(p, test.method, test.body)
			text, _ := io.ReadAll(got.Body)
			if got.StatusCode != test.status || seen[1].Load() != test.second {
				t.Errorf("%d, and the second process has seen %d requests; want %d and %d", got.StatusCode, seen[1].Load(), test.status, test.second)
			}
			if test.status == 502 && got.Header.Get("Retry-After") == "" {
				t.Error("502 without Retry-After")
			}
			if test.status == 200 && test.method != "HEAD" && string(text) != test.body {
				t.Errorf("the second process has read %q, want %q", text, test.body)
			}
			if p.backends[0].healthy.Load() {
				t.Error("the first process counts as healthy")
			}
		})
	}
}

func TestTheProxyNamesTheClient(t *testing.T) {
	p, _ := behind(t, answers, answers)
	got := send(p, "GET", "")
	if got.Header.Get("Got-Client") != "192.0.2.7" || got.Header.Get("Got-Host") != "api.example.com" {
		t.Errorf("the process sees the client %q and the host %q", got.Header.Get("Got-Client"), got.Header.Get("Got-Host"))
	}
}

func TestTheProxyTakesTurns(t *testing.T) {
	p, seen := behind(t, answers, answers, answers)
	for range 9 {
		r := httptest.NewRequest("GET", "http://api.example.com/", nil)
		p.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	for i, count := range seen {
		if count.Load() != 3 {
			t.Errorf("process %d has seen %d of 9 requests, want 3", i+1, count.Load())
		}
	}
}

func TestTheProxyHasNobody(t *testing.T) {
	p, _ := behind(t, absent, absent)
	got := send(p, "GET", "")
	if got.StatusCode != http.StatusBadGateway || got.Header.Get("Retry-After") == "" {
		t.Errorf("without a process: %d %v", got.StatusCode, got.Header)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.ready(ctx); err == nil {
		t.Error("without a process the proxy is ready")
	}
}
