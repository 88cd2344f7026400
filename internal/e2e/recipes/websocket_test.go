package recipes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// echoSocket is a WebSocket that answers each message. The pages of these
// origins may open it, besides the pages of the service itself.
func echoSocket(origins ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: origins})
		if err != nil {
			return // Accept has answered
		}
		defer conn.CloseNow()
		conn.SetReadLimit(64 << 10) // the bytes of one message

		ctx, cancel := context.WithCancel(r.Context()) // it ends with the credential
		defer cancel()
		go watchSocket(ctx, conn)
		for {
			kind, message, err := conn.Read(ctx)
			if err != nil {
				return
			}
			if err := writeSocket(ctx, conn, kind, message); err != nil {
				return
			}
		}
	}
}

// watchSocket closes the connection if the client does not answer a ping, or if
// the process stops.
func watchSocket(ctx context.Context, conn *websocket.Conn) {
	heartbeat := time.NewTicker(30 * time.Second)
	defer heartbeat.Stop()
	for {
		select {
		case <-heartbeat.C:
			pong, cancel := context.WithTimeout(ctx, 10*time.Second)
			err := conn.Ping(pong)
			cancel()
			if err != nil {
				conn.CloseNow()
				return
			}
		case <-transport.Stopping(ctx):
			conn.Close(websocket.StatusGoingAway, "the server stops")
			return
		case <-ctx.Done():
			return
		}
	}
}

// writeSocket gives the client 10 seconds to take a message.
func writeSocket(ctx context.Context, conn *websocket.Conn, kind websocket.MessageType, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return conn.Write(ctx, kind, message)
}

const socketHandshake = `
HTTP/1.1 101 Switching Protocols
Connection: Upgrade
Upgrade: websocket
X-Content-Type-Options: nosniff
`

const socketForeignLog = `
{"level":"WARN","event":"authz_fail","path":"/socket","reason":"audit.unreported","status":403}
`

const socketForeignCookieLog = `
{"level":"WARN","event":"malicious_csrf","path":"/socket","reason":"auth.cross_site","status":403}
`

// socketBubble is a service with the socket, and a client of it.
func socketBubble(t *testing.T, life time.Duration) (*streamBubble, *websocket.Conn) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /socket", echoSocket("https://app.example.com"))
	b := newStreamBubble(t, mux)
	conn, resp, err := websocket.Dial(t.Context(), "ws://api.example.com/socket", &websocket.DialOptions{
		HTTPClient: b.lines.client(t, 1),
		HTTPHeader: http.Header{"Authorization": {"ApiKey " + b.issue(life)}, "Origin": {"https://app.example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(strings.NewReader(""))
	wireAnswer(t, resp, socketHandshake)
	t.Cleanup(func() { conn.CloseNow() })
	return b, conn
}

// socketSays sends a message and fails unless it comes back.
func socketSays(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if kind, got, err := conn.Read(t.Context()); err != nil || kind != websocket.MessageText || string(got) != text {
		t.Fatalf("%q of kind %v, %v", got, kind, err)
	}
}

func TestSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, conn := socketBubble(t, 24*time.Hour)
		defer b.stop()
		// It outlives the timeouts of the server; Read answers the pings.
		for range 4 {
			socketSays(t, conn, "hello")
			idle, cancel := context.WithTimeout(t.Context(), time.Hour)
			next := make(chan error, 1)
			go func() {
				_, message, err := conn.Read(idle)
				if string(message) != "later" {
					err = fmt.Errorf("%q, %w", message, err)
				}
				next <- err
			}()
			time.Sleep(50*time.Minute + 7*time.Second) // a pipe has no room for a ping and a message at once
			if err := conn.Write(t.Context(), websocket.MessageText, []byte("later")); err != nil {
				t.Fatal(err)
			}
			if err := <-next; err != nil {
				t.Fatal(err)
			}
			cancel()
		}
	})
}

func TestSocketEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(b *streamBubble, conn *websocket.Conn) // what the test does
		time time.Duration
		code websocket.StatusCode // -1 where the connection is cut off
	}{
		{"with_its_key", func(*streamBubble, *websocket.Conn) {}, 10 * time.Minute, -1},
		{"with_the_process", func(b *streamBubble, _ *websocket.Conn) { go b.stop() }, 0, websocket.StatusGoingAway},
		{"with_a_long_message", func(_ *streamBubble, conn *websocket.Conn) {
			go conn.Write(context.Background(), websocket.MessageText, make([]byte, 64<<10+1))
		}, 0, websocket.StatusMessageTooBig},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, conn := socketBubble(t, 10*time.Minute)
				defer b.stop()
				begin := time.Now()
				socketSays(t, conn, "hello")
				test.end(b, conn)
				_, _, err := conn.Read(t.Context())
				if got := websocket.CloseStatus(err); err == nil || got != test.code || time.Since(begin) != test.time {
					t.Errorf("after %s: %v", time.Since(begin), err)
				}
				conn.CloseNow()
				if err := b.stop(); err != nil {
					t.Errorf("Serve: %v", err)
				}
			})
		})
	}
}

// A client that no longer answers is found out by a ping.
func TestSocketOfASilentClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		returned := make(chan time.Time, 1)
		mux := http.NewServeMux()
		mux.HandleFunc("GET /socket", func(w http.ResponseWriter, r *http.Request) {
			echoSocket()(w, r)
			returned <- time.Now()
		})
		b := newStreamBubble(t, mux)
		defer b.stop()
		conn, _, err := websocket.Dial(t.Context(), "ws://api.example.com/socket", &websocket.DialOptions{
			HTTPClient: b.lines.client(t, 1), HTTPHeader: http.Header{"Authorization": {"ApiKey " + b.issue(time.Hour)}}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		begin := time.Now() // and the client never reads
		if end := <-returned; end.Sub(begin) > time.Minute {
			t.Errorf("the handler returned after %s", end.Sub(begin))
		}
	})
}

// A page of another site may not open the socket: with a key by Accept, with a
// cookie by auth.
func TestSocketOfAForeignPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		mux.Handle("GET /socket", echoSocket("https://app.example.com"))
		b := newStreamBubble(t, mux)
		defer b.stop()
		for origin, want := range map[string]int{
			"https://evil.example":     http.StatusForbidden,
			"https://app.example.com":  http.StatusSwitchingProtocols,
			"https://api.example.com":  http.StatusSwitchingProtocols,
			"http://app.example.com":   http.StatusForbidden,
			"https://app.example.com.": http.StatusForbidden,
			"":                         http.StatusSwitchingProtocols, // not a browser
		} {
			header := http.Header{"Authorization": {"ApiKey " + b.issue(time.Hour)}}
			if origin != "" {
				header.Set("Origin", origin)
			}
			conn, resp, err := websocket.Dial(t.Context(), "ws://api.example.com/socket",
				&websocket.DialOptions{HTTPClient: b.lines.client(t, 1), HTTPHeader: header})
			if resp == nil || resp.StatusCode != want {
				t.Errorf("%q: %v", origin, err)
			}
			if err == nil {
				conn.CloseNow()
			}
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		b.log.shows(t, socketForeignLog)
	})
}

// socketCookies is an authenticator of a cookie that a browser sends by itself.
type socketCookies struct{}

func (socketCookies) Detect(r *http.Request) auth.Presence {
	if _, err := r.Cookie("session"); err != nil {
		return auth.None
	}
	return auth.Ambient
}

func (socketCookies) Authenticate(*http.Request) (*bulwark.Principal, error) {
	return &bulwark.Principal{Issuer: "https://api.example.com", Subject: "alice"}, nil
}

func (socketCookies) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Cookie"}} }
func (socketCookies) Fields() []string                { return []string{"Cookie"} }

func TestSocketWithACookie(t *testing.T) {
	log := new(wireLog)
	stack, err := bulwark.Chain(
		audit.Config{Logger: log.logger()},
		bulwark.Edge{Hosts: []string{"api.example.com"}, BaseURL: "https://api.example.com"},
		auth.Config{Authenticators: []auth.Authenticator{socketCookies{}}, TrustedOrigins: []string{"https://app.example.com"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /socket", echoSocket("https://app.example.com"))
	server := wireServer(t, stack.Wrap(mux))
	for origin, want := range map[string]int{
		"https://evil.example":    http.StatusForbidden,
		"https://app.example.com": http.StatusSwitchingProtocols,
	} {
		conn, resp, err := websocket.Dial(t.Context(), server.URL+"/socket", &websocket.DialOptions{
			Host: "api.example.com", HTTPHeader: http.Header{"Cookie": {"session=x"}, "Origin": {origin}}})
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%q: %v", origin, err)
		}
		if err == nil {
			conn.CloseNow()
		}
	}
	wireClose(t, stack)
	log.shows(t, socketForeignCookieLog)
}
