package recipes

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// A patientWriter gives the client 30 seconds for each part of a long answer,
// in place of 60 seconds for the whole.
type patientWriter struct{ http.ResponseWriter }

func (w patientWriter) Write(p []byte) (int, error) {
	http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(30 * time.Second))
	return w.ResponseWriter.Write(p)
}

func (w patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// download sends a large file of the folder.
func download(folder *os.Root) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		file, err := folder.Open(name) // os.Root opens nothing outside the folder
		if errors.Is(err, os.ErrNotExist) || !filepath.IsLocal(name) {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusNotFound, Code: "files.not_found", Err: err})
			return
		}
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		defer file.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(patientWriter{w}, r, "", time.Time{}, file)
	}
}

// events sends server-sent events. Each text of the feed is one event and must
// not have line breaks: json.Marshal writes none.
func events(subscribe func(context.Context) <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		send := func(text string) bool {
			// Longer than the time between two heartbeats: HTTP/2 ends a
			// stream at its deadline although nothing waits to be written.
			control.SetWriteDeadline(time.Now().Add(40 * time.Second))
			_, err := io.WriteString(w, text+"\n\n")
			return err == nil && control.Flush() == nil
		}
		defer func() { // if the credential has expired, this is the event session_expired
			if r.Context().Err() != nil {
				bulwark.Deny(w, r, context.Cause(r.Context()))
			}
		}()
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // nginx passes each event on at once
		if !send(": welcome") {
			return
		}
		feed := subscribe(r.Context())
		heartbeat := time.NewTicker(15 * time.Second)
		defer heartbeat.Stop()
		for {
			text := ": still here"
			select {
			case event, open := <-feed:
				if !open {
					return
				}
				text = "data: " + event
			case <-heartbeat.C:
			case <-transport.Stopping(r.Context()): // the process stops
				send("event: bye\ndata: {}")
				return
			case <-r.Context().Done(): // the client has left, or its credential has expired
				return
			}
			if !send(text) {
				return
			}
		}
	}
}

const streamHead = `
HTTP/1.1 200 OK
Content-Type: text/event-stream
Cache-Control: no-store

: welcome

data: {"price":42}

: still here

event: bye
data: {}
`

const streamExpired = `
HTTP/1.1 401 Unauthorized
Content-Type: application/problem+json
WWW-Authenticate: ApiKey error="invalid_token"

{"type":"about:blank","title":"Unauthorized","status":401,"code":"auth.invalid_token","detail":"…","instance":"…"}
`

const streamExpiredLog = `
{"level":"INFO","event":"session_expired","path":"/events","reason":"request.credential_expired"}
`

const streamNotFoundLog = `
{"level":"INFO","event":"input_validation_fail","reason":"files.not_found","status":404}
`

// A streamBubble is a service in a bubble, which serves until stop is called.
type streamBubble struct {
	lines *wirePipes
	stop  func() error // returns what Serve has returned
	log   *wireLog
	issue func(life time.Duration) (key string)
}

// newStreamBubble serves the handlers of mux as their pages show it: behind
// audit, Edge, headers and auth, by transport.Serve.
func newStreamBubble(t *testing.T, mux http.Handler) *streamBubble {
	t.Helper()
	b := &streamBubble{lines: newWirePipes(), log: new(wireLog)}
	keys, err := apikey.New(apikey.Config{Prefix: "acme", Issuer: "https://api.example.com/keys", Store: new(apikey.MemoryStore),
		Peppers: []apikey.Pepper{{Version: 1, Key: bytes.Repeat([]byte("p"), 32)}}})
	if err != nil {
		t.Fatal(err)
	}
	b.issue = func(life time.Duration) string {
		issued, err := keys.Issue(context.Background(), apikey.Grant{Name: "test", ExpiresAt: time.Now().Add(life)})
		if err != nil {
			t.Fatal(err)
		}
		return issued.Key
	}
	stack, err := bulwark.Chain(
		audit.Config{Logger: b.log.logger(), AccessLog: true},
		bulwark.Edge{Hosts: []string{"api.example.com"}, BaseURL: "https://api.example.com"},
		headers.Config{},
		auth.Config{Authenticators: []auth.Authenticator{keys}},
	)
	if err != nil {
		t.Fatal(err)
	}
	server := transport.Server(stack.Wrap(mux))
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- transport.Serve(ctx, b.lines, server, stack) }()
	b.stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	return b
}

// ask sends a GET with the key.
func (b *streamBubble) ask(t *testing.T, version int, path, key string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://api.example.com"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "ApiKey "+key)
	resp, err := b.lines.client(t, version).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestStreamOfEvents(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("http%d", version), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux, feed := http.NewServeMux(), make(chan string, 1)
				mux.Handle("GET /events", events(func(context.Context) <-chan string { return feed }))
				b := newStreamBubble(t, mux)
				resp := b.ask(t, version, "/events", b.issue(24*time.Hour))
				defer resp.Body.Close()
				feed <- `{"price":42}`
				lines := bufio.NewReader(resp.Body)
				var text strings.Builder
				next := func(n int) {
					for range n {
						line, err := lines.ReadString('\n')
						if err != nil {
							t.Fatalf("%q: %v", text.String(), err)
						}
						text.WriteString(line)
					}
				}
				next(6)
				for range 2 * 60 * 4 { // two hours of heartbeats
					if line, err := lines.ReadString('\n'); line != ": still here\n" {
						t.Fatalf("%q, %v after %q", line, err, text.String())
					}
					lines.ReadString('\n')
				}
				text.Reset()
				stopped := make(chan error)
				go func() { stopped <- b.stop() }()
				rest, err := io.ReadAll(lines)
				if err != nil || string(rest) != "event: bye\ndata: {}\n\n" {
					t.Errorf("the stream ends with %q, %v", rest, err)
				}
				if err := <-stopped; err != nil {
					t.Errorf("Serve: %v", err)
				}
			})
		})
	}
}

// The whole of a short stream, as the page shows it.
func TestStreamAsThePageShowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux, feed := http.NewServeMux(), make(chan string, 1)
		feed <- `{"price":42}`
		mux.Handle("GET /events", events(func(context.Context) <-chan string { return feed }))
		b := newStreamBubble(t, mux)
		resp := b.ask(t, 1, "/events", b.issue(24*time.Hour))
		go func() {
			time.Sleep(20 * time.Second) // one heartbeat
			b.stop()
		}()
		wireAnswer(t, resp, streamHead)
		b.stop()
	})
}

func TestStreamEndsWithItsKey(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("http%d", version), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.Handle("GET /events", events(func(context.Context) <-chan string { return nil }))
				b := newStreamBubble(t, mux)
				defer b.stop()
				key, begin := b.issue(10*time.Minute), time.Now()
				resp := b.ask(t, version, "/events", key)
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				if err == nil || time.Since(begin) != 10*time.Minute {
					t.Errorf("ended after %s with %v", time.Since(begin), err)
				}
				if n := strings.Count(string(text), "still here"); n < 39 {
					t.Errorf("%d heartbeats in ten minutes", n)
				}
				if version == 1 { // the browser comes again, and gives up
					wireAnswer(t, b.ask(t, version, "/events", key), streamExpired)
				}
				b.stop()
				b.log.shows(t, streamExpiredLog)
			})
		})
	}
}

// A client that leaves is not an event.
func TestStreamOfAClientThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux, ended := http.NewServeMux(), make(chan struct{})
		stream := events(func(context.Context) <-chan string { return nil })
		mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
			stream(w, r)
			close(ended)
		})
		b := newStreamBubble(t, mux)
		resp := b.ask(t, 1, "/events", b.issue(24*time.Hour))
		if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != ": welcome\n" {
			t.Errorf("%q, %v", line, err)
		}
		resp.Body.Close()
		<-ended
		b.stop()
		for _, record := range b.log.records(t) {
			if record["type"] == "security" {
				t.Errorf("an event: %v", record)
			}
		}
	})
}

// slowReader reads 32 KiB in each 20 seconds.
func slowReader(t *testing.T, r io.Reader) (n int, err error) {
	t.Helper()
	part := make([]byte, 32<<10)
	for {
		m, err := io.ReadFull(r, part)
		n += m
		if err != nil {
			return n, err
		}
		time.Sleep(20 * time.Second)
	}
}

func TestStreamOfAFile(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "large"), make([]byte, 6<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, test := range []struct {
		name    string
		path    string
		version int
		whole   bool
	}{
		{"patient/http1", "/files/large", 1, true},
		{"patient/http2", "/files/large", 2, true},
		{"of_the_server/http1", "/impatient", 1, false},
		{"of_the_server/http2", "/impatient", 2, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.Handle("GET /files/{name}", download(root))
				mux.HandleFunc("GET /impatient", func(w http.ResponseWriter, r *http.Request) {
					http.ServeFileFS(w, r, root.FS(), "large")
				})
				b := newStreamBubble(t, mux)
				defer b.stop()
				resp := b.ask(t, test.version, test.path, b.issue(24*time.Hour))
				defer resp.Body.Close()
				n, err := slowReader(t, resp.Body)
				if whole := n == 6<<20 && err == io.EOF; whole != test.whole {
					t.Errorf("%d bytes, then %v", n, err)
				}
				b.stop()
				if cutOff := strings.Contains(b.log.String(), `"cutOff":true`); cutOff == test.whole {
					t.Errorf("cut off %t, by the access record:\n%s", cutOff, b.log)
				}
			})
		})
	}
}

func TestStreamOfAFileThatIsNotThere(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "plan"), []byte("the plan"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	mux, log := http.NewServeMux(), new(wireLog)
	mux.Handle("GET /files/{name}", download(root))
	stack, err := bulwark.Chain(audit.Config{Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	server := wireServer(t, stack.Wrap(mux))
	resp := wireAsk(t, server.Client(), "GET", server.URL+"/files/plan", "", "Range", "bytes=4-")
	if got := wireRead(t, resp); resp.StatusCode != http.StatusPartialContent || got != "plan" {
		t.Errorf("%s: %q", resp.Status, got)
	}
	if resp := wireAsk(t, server.Client(), "GET", server.URL+"/files/other", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is not there: %s", resp.Status)
	}
	if resp := wireAsk(t, server.Client(), "GET", server.URL+"/files/..%2fetc", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a file outside the folder: %s", resp.Status)
	}
	wireClose(t, stack)
	log.shows(t, streamNotFoundLog)
	if strings.Contains(log.String(), `"ERROR"`) {
		t.Errorf("a client can cause errors:\n%s", log)
	}
}

// nginxStreams is what nginx needs for streams and WebSockets.
const nginxStreams = `
location / {
    proxy_pass http://127.0.0.1:8080;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    proxy_read_timeout 60s;
}
`

func TestStreamsThroughNginx(t *testing.T) {
	log := new(wireLog)
	stack, err := behindProxy(log.logger())
	if err != nil {
		t.Fatal(err)
	}
	feed := make(chan string)
	mux := http.NewServeMux()
	mux.Handle("GET /events", events(func(context.Context) <-chan string { return feed }))
	mux.Handle("GET /socket", echoSocket("app.example.com"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, stack.Wrap(mux))
	defer wireClose(t, stack)
	_, secure, client := startNginx(t, strings.Replace(nginxStreams, "127.0.0.1:8080", ln.Addr().String(), 1))

	client.Timeout = time.Minute // of a test that fails
	resp := wireAsk(t, client, "GET", secure+"/events", "", "Host", "api.example.com")
	lines := bufio.NewReader(resp.Body)
	for i, want := range []string{": welcome", `data: {"price":42}`, `data: {"price":43}`} {
		if i > 0 { // nginx has passed on the line before
			select {
			case feed <- strings.TrimPrefix(want, "data: "):
			case <-time.After(time.Minute):
				t.Fatal("the stream has ended")
			}
		}
		if line, err := lines.ReadString('\n'); line != want+"\n" {
			t.Fatalf("%q, %v, want %q", line, err, want)
		}
		lines.ReadString('\n')
	}
	close(feed)

	client.Timeout = 0 // websocket refuses one
	conn, _, err := websocket.Dial(t.Context(), secure+"/socket", &websocket.DialOptions{HTTPClient: client,
		Host: "api.example.com", HTTPHeader: http.Header{"Origin": {"https://app.example.com"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	socketSays(t, conn, "hello")
}

// Without its two lines for WebSockets, nginx does not pass on the handshake.
func TestSocketThroughNginxWithoutUpgrade(t *testing.T) {
	stack, err := behindProxy(new(wireLog).logger())
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, stack.Wrap(echoSocket()))
	defer wireClose(t, stack)
	_, secure, client := startNginx(t, strings.Replace(nginxLocation, "127.0.0.1:8080", ln.Addr().String(), 1))
	_, resp, err := websocket.Dial(t.Context(), secure+"/socket", &websocket.DialOptions{HTTPClient: client, Host: "api.example.com"})
	if err == nil || resp == nil || resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("%v, want 426", err)
	}
}
