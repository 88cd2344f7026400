package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync/atomic"
	"time"
)

// A proxy stands in front of the processes and hands requests out in turn. It
// names the client in X-Forwarded-For. In production this is nginx, HAProxy or
// the balancer of a provider.
type proxy struct {
	backends []*backend
	next     atomic.Uint64
	handler  http.Handler
}

// A backend is a process as the proxy sees it.
type backend struct {
	process   int
	healthy   atomic.Bool
	transport *http.Transport
}

// healthEvery is how often the proxy asks each process for its health.
const healthEvery = time.Second

// checker is the address that the questions for health come from, so that they
// do not use up the limit of a client of this machine.
const checker = "127.0.0.2"

func newProxy(members []*member) *proxy {
	p := &proxy{}
	for _, m := range members {
		socket := m.settings.Socket
		p.backends = append(p.backends, &backend{process: m.settings.Process, transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
			},
			MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: 30 * time.Second, DisableCompression: true,
		}})
	}
	p.handler = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			// Rewrite has removed what the client says about itself.
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "process", r.In.Host
			r.SetXForwarded()
		},
		Transport: p,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			slog.Warn("the proxy has no answer", "error", err.Error())
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	return p
}

var errNobody = errors.New("no process answers")

// RoundTrip asks the next process. If nothing was sent to it, or the request
// may be sent twice, RoundTrip asks the process after it. A request with a body
// is never sent twice: the process may have done what it asks for.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	once := r.WithContext(r.Context())
	if r.Body != nil {
		once.Body = io.NopCloser(r.Body) // a failed attempt closes what it was given
	}
	first := p.next.Add(1)
	last := errNobody
	for _, mustBeHealthy := range []bool{true, false} {
		for i := range uint64(len(p.backends)) {
			b := p.backends[(first+i)%uint64(len(p.backends))]
			if b.healthy.Load() != mustBeHealthy {
				continue
			}
			answer, err := b.transport.RoundTrip(once)
			if err == nil {
				answer.Header.Set("X-Fleet-Process", strconv.Itoa(b.process))
				return answer, nil
			}
			last = err
			if r.Context().Err() != nil {
				return nil, err
			}
			b.healthy.Store(false)
			if !unsent(err) && !repeatable(r) {
				return nil, err
			}
		}
	}
	return nil, last
}

// unsent reports that there was no connection, so the process has seen nothing.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func repeatable(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.Body == nil || r.Body == http.NoBody)
}

// check asks the processes for their health until ctx ends. The answer does not
// depend on Redis: a process that refuses with 503 is better than no process.
func (p *proxy) check(ctx context.Context) {
	again := time.NewTicker(healthEvery)
	defer again.Stop()
	for {
		for _, b := range p.backends {
			b.healthy.Store(b.answers(ctx))
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (b *backend) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, healthEvery)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/health", nil)
	if err != nil {
		return false
	}
	r.Header.Set("X-Forwarded-For", checker)
	answer, err := b.transport.RoundTrip(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode == http.StatusOK
}

// ready waits until every process is healthy.
func (p *proxy) ready(ctx context.Context) error {
	for {
		all := true
		for _, b := range p.backends {
			all = all && b.healthy.Load()
		}
		if all {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the processes do not answer in time; their log says why")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
