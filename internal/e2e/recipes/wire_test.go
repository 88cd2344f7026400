package recipes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// A wireLog is a log that a test reads while the service writes.
type wireLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *wireLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *wireLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// logger writes to l, as JSON.
func (l *wireLog) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// records are those that have been written, in order.
func (l *wireLog) records(t testing.TB) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(l.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, record)
	}
	return all
}

// shows fails unless a record has all members of want, with these values.
func (l *wireLog) shows(t testing.TB, want string) {
	t.Helper()
	wanted := wireJSON(t, want)
	for _, record := range l.records(t) {
		if wireHolds(record, wanted) {
			return
		}
	}
	t.Errorf("no record has\n%s\nin\n%s", strings.TrimSpace(want), l)
}

// wireClose shuts a stack down, so that all its records are written.
func wireClose(t testing.TB, stack *bulwark.Stack) {
	t.Helper()
	if err := stack.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func wireJSON(t testing.TB, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// wireHolds reports whether got has the members of want. "…" is any text.
func wireHolds(got, want map[string]any) bool {
	for name, value := range want {
		if text, ok := got[name].(string); ok && value == "…" && text != "" {
			continue
		}
		a, _ := json.Marshal(got[name])
		b, _ := json.Marshal(value)
		if !bytes.Equal(a, b) {
			return false
		}
	}
	return true
}

// wireAnswer fails unless resp is the answer that a page shows: its status, at
// least its header fields, and exactly its body. "…" in the body is any text.
func wireAnswer(t testing.TB, resp *http.Response, page string) {
	t.Helper()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	resp.Body.Close()
	head, body, _ := strings.Cut(strings.TrimSpace(page), "\n\n")
	want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	want.Body.Close()
	if resp.StatusCode != want.StatusCode {
		t.Errorf("%s, want %s; the body is %s", resp.Status, want.Status, got)
	}
	for name := range want.Header {
		if resp.Header.Get(name) != want.Header.Get(name) {
			t.Errorf("%s: %q, want %q", name, resp.Header.Get(name), want.Header.Get(name))
		}
	}
	if !strings.HasPrefix(body, "{") {
		if strings.TrimSpace(string(got)) != strings.TrimSpace(body) {
			t.Errorf("%q, want %q", got, body)
		}
		return
	}
	wanted, found := wireJSON(t, body), wireJSON(t, string(got))
	if !wireHolds(found, wanted) || len(found) != len(wanted) {
		t.Errorf("%s\nwant\n%s", got, body)
	}
	for name := range maps.Keys(found) {
		if _, shown := wanted[name]; !shown {
			t.Errorf("the page does not show %s", name)
		}
	}
}

// wireAsk sends one request with these header fields, given as name and value.
// The field Host names the host.
func wireAsk(t testing.TB, client *http.Client, method, url, body string, fields ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
		if fields[i] == "Host" {
			r.Host = fields[i+1]
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// wireRead returns the body of resp.
func wireRead(t testing.TB, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	resp.Body.Close()
	return string(body)
}

// Pipes

// wirePipes is a listener in memory, for servers in a bubble of
// testing/synctest, where hours pass at once.
type wirePipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newWirePipes() *wirePipes {
	return &wirePipes{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *wirePipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *wirePipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *wirePipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *wirePipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- wirePeer{server}:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// A wirePeer is the end of a pipe at the server. It has the address of a client.
type wirePeer struct{ net.Conn }

func (wirePeer) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 50000}
}

// client is a client of the server behind p. version 2 is HTTP/2, in the clear.
func (p *wirePipes) client(t testing.TB, version int) *http.Client {
	transport := &http.Transport{DialContext: p.dial, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(version == 1)
	transport.Protocols.SetUnencryptedHTTP2(version == 2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// wireServer serves h on the loopback interface until the test ends.
func wireServer(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}
