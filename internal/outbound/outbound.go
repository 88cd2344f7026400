// Package outbound asks another service over HTTP, such as a decision point.
// Whether a request is let in depends on the answer, so every such service is
// asked with the same guards.
package outbound

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// A Client asks one service, and follows no redirect. It is safe for concurrent
// use.
type Client struct {
	client *http.Client
	own    *http.Transport // nil if the transport is not ours
}

// NewClient returns a Client that uses the transport. If the transport is nil,
// the Client has one of its own: with the proxy of the environment, TLS 1.2 or
// later, and at most so many connections.
func NewClient(transport http.RoundTripper, connections int) *Client {
	c := &Client{}
	if transport == nil {
		c.own = Transport(connections)
		transport = c.own
	}
	c.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a redirect would let its target answer, and carry the secrets there
	}}
	return c
}

// MaxStep bounds each step of making a connection. A service that takes longer
// answers late for every caller.
const MaxStep = 5 * time.Second

// Transport returns the transport that a Client has of its own. A connection
// that is being made outlives its question, and counts as one of connections.
// So each of its steps has a bound: otherwise a service that hangs for a while
// would keep all of them for ever.
func Transport(connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: MaxStep}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    MaxStep,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
		DisableCompression:     true,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Ask sends a question whose answer is JSON. It sets header fields of the
// question, which may be asked twice. An answer 101 has no body.
func (c *Client) Ask(question *http.Request) (*http.Response, error) {
	question.Header.Set("Accept", "application/json")
	question.Header.Set("Accept-Encoding", "identity") // what unpacks of itself has no size
	// Without this a kept connection that the server has just closed would be a
	// failure. It is not sent; see [http.Transport].
	question.Header["Idempotency-Key"] = nil
	answer, err := c.client.Do(question)
	if err == nil && answer.StatusCode == http.StatusSwitchingProtocols {
		// The connection has left HTTP. A read from it would not end with the
		// context of the question.
		answer.Body.Close()
		answer.Body = http.NoBody
	}
	return answer, err
}

// Close drops the connections that are kept. It leaves the connections of a
// transport that is not ours.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// Read reads an answer of at most so many bytes. If the answer is longer, it
// returns the beginning and true.
func Read(answer io.Reader, most int64) (body []byte, longer bool, err error) {
	body, err = io.ReadAll(io.LimitReader(answer, most+1))
	if err != nil {
		return nil, false, err
	}
	if int64(len(body)) > most {
		return body[:most], true, nil
	}
	return body, false, nil
}
