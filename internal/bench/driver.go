package bench

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Driver calls a handler again and again with copies of one request. It is
// for one goroutine.
type Driver struct {
	handler  http.Handler
	template http.Request
	payload  string

	request http.Request
	body    payload
	writer  writer
	keep    bool // the answer's body, for tests

	// Close ends the context that all requests share.
	Close func()
}

// NewDriver returns a driver of h. The header is taken as it is.
func NewDriver(h http.Handler, method, target string, header http.Header, body string) *Driver {
	u, err := url.Parse(target)
	if err != nil {
		panic(err) // a mistake in this package
	}
	d := &Driver{handler: h, payload: body, template: http.Request{
		Method: method, URL: u, RequestURI: u.RequestURI(), Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: maps.Clone(header), Body: http.NoBody, RemoteAddr: "192.0.2.10:51234",
		TLS: &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true},
	}}
	if body != "" {
		d.template.ContentLength = int64(len(body))
		d.template.Body = &d.body
	}
	// A server's context can be cancelled, and middleware that watches it pays.
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.ServerContextKey, &http.Server{}))
	d.Close, d.template = cancel, *d.template.WithContext(ctx)
	return d
}

// Do sends the request once.
func (d *Driver) Do() {
	d.request = d.template
	d.body.Reset(d.payload)
	d.writer = writer{header: make(http.Header), text: d.writer.text, keep: d.keep}
	d.handler.ServeHTTP(&d.writer, &d.request)
}

// Answer sends the request once and returns what came back.
func (d *Driver) Answer() (status int, header http.Header, body []byte) {
	d.keep, d.writer.text = true, nil
	d.Do()
	d.keep = false
	return d.writer.status, d.writer.header, d.writer.text
}

// payload is the body of a request, read anew each time.
type payload struct{ strings.Reader }

// Close does nothing.
func (p *payload) Close() error { return nil }

// A writer counts what is written. It can what the writer of a server can: one
// that could not would send middleware down the paths of its errors.
type writer struct {
	header http.Header
	status int
	bytes  int
	keep   bool
	text   []byte
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.bytes += len(p)
	if w.keep {
		w.text = append(w.text, p...)
	}
	return len(p), nil
}

func (w *writer) Flush()                           {}
func (w *writer) SetReadDeadline(time.Time) error  { return nil }
func (w *writer) SetWriteDeadline(time.Time) error { return nil }
func (w *writer) EnableFullDuplex() error          { return nil }
