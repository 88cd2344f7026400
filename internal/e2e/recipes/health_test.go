package recipes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

func withHealth(logger *slog.Logger, api http.Handler, ping func(context.Context) error) (http.Handler, *bulwark.Stack, error) {
	stack, err := bulwark.Chain(
		audit.Config{Logger: logger},
		bulwark.Edge{
			Hosts:       []string{"api.example.com"},
			HealthPaths: []string{"/ready"},
			// The addresses of the service, by which a probe asks.
			HealthHosts: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")},
		},
	)
	if err != nil {
		return nil, nil, err
	}

	// Inside the stack: the answer has the headers, and a failure an event.
	inside := http.NewServeMux()
	inside.Handle("/", api)
	inside.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := ping(ctx); err != nil {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "health.not_ready", Err: err})
			return
		}
		fmt.Fprintln(w, "ready")
	})

	// Outside the stack: no layer sees the request. A ServeMux here would answer
	// a path such as //x with a redirect, which no layer would see.
	protected := stack.Wrap(inside)
	root := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/alive" {
			fmt.Fprintln(w, "alive")
			return
		}
		protected.ServeHTTP(w, r)
	})
	return root, stack, nil
}

const healthNotReady = `
HTTP/1.1 503 Service Unavailable
Content-Type: application/problem+json
Retry-After: 1

{"type":"about:blank","title":"Service Unavailable","status":503,"code":"health.not_ready","instance":"…"}
`

const healthNotReadyLog = `
{"level":"ERROR","event":"sys_unavailable","reason":"health.not_ready","status":503,"error":"the database does not answer"}
`

const healthMisdirected = `
{"level":"WARN","event":"input_validation_fail","path":"/health","reason":"edge.misdirected","status":421}
`

func TestHealth(t *testing.T) {
	log, down := new(wireLog), atomic.Bool{}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "api\n") })
	root, stack, err := withHealth(log.logger(), api, func(context.Context) error {
		if down.Load() {
			return errors.New("the database does not answer")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	server := wireServer(t, root)
	for _, test := range []struct {
		name, request, status, body string
	}{
		{"alive_by_address", "GET /alive HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n", "200 OK", "alive\n"},
		{"alive_by_http_1_0", "GET /alive HTTP/1.0\r\n", "200 OK", "alive\n"},
		{"ready_by_address", "GET /ready HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n", "200 OK", "ready\n"},
		{"ready_by_http_1_0", "GET /ready HTTP/1.0\r\n", "200 OK", "ready\n"},
		{"ready_by_name", "GET /ready HTTP/1.1\r\nHost: api.example.com\r\n", "200 OK", "ready\n"},
		{"head", "HEAD /ready HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n", "200 OK", ""},
		{"post", "POST /ready HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n", "421 Misdirected Request", ""},
		{"foreign_address", "GET /ready HTTP/1.1\r\nHost: 192.0.2.1:8080\r\n", "421 Misdirected Request", ""},
		{"foreign_name", "GET /ready HTTP/1.1\r\nHost: kubernetes\r\n", "421 Misdirected Request", ""},
		{"another_path", "GET /health HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n", "421 Misdirected Request", ""},
		{"with_a_query", "GET /ready?full=1 HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n", "200 OK", "ready\n"},
		{"api_by_address", "GET / HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n", "421 Misdirected Request", ""},
		{"unclean_path", "GET //x HTTP/1.1\r\nHost: evil.example\r\n", "421 Misdirected Request", ""},
		{"api_by_http_1_0", "GET / HTTP/1.0\r\n", "421 Misdirected Request", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%sConnection: close\r\n\r\n", test.request)
			answer, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
			if line, _, _ := strings.Cut(head, "\r\n"); !strings.HasSuffix(line, " "+test.status) {
				t.Errorf("%s, want %s", line, test.status)
			}
			if test.status == "200 OK" && body != test.body {
				t.Errorf("%q, want %q", body, test.body)
			}
			// Only what is inside the stack has a request id.
			if inside := strings.Contains(head, "X-Request-Id: "); inside == strings.Contains(test.name, "alive") {
				t.Errorf("inside the stack %t:\n%s", inside, head)
			}
		})
	}
	down.Store(true)
	wireAnswer(t, wireAsk(t, server.Client(), "GET", server.URL+"/ready", ""), healthNotReady)
	wireClose(t, stack)
	log.shows(t, healthNotReadyLog)
	log.shows(t, healthMisdirected)
}

func TestHealthOfANetworkWithoutAPath(t *testing.T) {
	_, err := bulwark.NewEdge(bulwark.Edge{
		Hosts:       []string{"api.example.com"},
		HealthHosts: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	})
	if err == nil || !strings.Contains(err.Error(), "edge.HealthHosts") {
		t.Errorf("%v does not name HealthHosts", err)
	}
}
