package documents_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/headers/transport"
)

// A line is a network without a socket, so that its time is that of the test.
// Nothing is buffered on the way: a write waits for the read of the client.
type network struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}
func (n *network) Close() error   { n.once.Do(func() { close(n.done) }); return nil }
func (n *network) Addr() net.Addr { return address }

var address = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 40000}

type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return address }
func (addressed) LocalAddr() net.Addr  { return address }

// serve serves the API with the limits of its server. stop begins the stop and
// waits for its end.
func (s *service) serve() (n *network, stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	n = &network{conns: make(chan net.Conn), done: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- transport.Serve(ctx, n, transport.Server(s.app.Handler())) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	s.t.Cleanup(func() { stop() })
	return n, stop
}

// A stream is a client of the events.
type stream struct {
	*http.Response
	conn net.Conn
	text *bufio.Reader
}

// stream sends a request for events, and reads the header of the answer.
func (s *service) stream(n *network, method, query string, header ...string) *stream {
	s.t.Helper()
	client, server := net.Pipe()
	n.conns <- addressed{server}
	s.t.Cleanup(func() { client.Close() })
	request := method + " /admin/events" + query + " HTTP/1.1\r\nHost: api.example.com\r\n"
	for i := 0; i < len(header); i += 2 {
		request += header[i] + ": " + header[i+1] + "\r\n"
	}
	io.WriteString(client, request+"\r\n")
	res, err := http.ReadResponse(bufio.NewReader(client), &http.Request{Method: method})
	if err != nil {
		s.t.Fatal(err)
	}
	return &stream{Response: res, conn: client, text: bufio.NewReader(res.Body)}
}

// A block is one server-sent event: its fields in the order of their lines.
type block struct{ id, event, data, retry string }

func (b block) record(t *testing.T) map[string]any {
	t.Helper()
	var record map[string]any
	if err := json.Unmarshal([]byte(b.data), &record); err != nil {
		t.Fatalf("%v: %v", err, b)
	}
	return record
}

// next returns the next block, or an error at the end of the stream.
func (st *stream) next() (b block, err error) {
	for {
		line, err := st.text.ReadString('\n')
		if err != nil {
			return b, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return b, nil
		}
		name, value, ok := strings.Cut(line, ": ")
		field := map[string]*string{"id": &b.id, "event": &b.event, "data": &b.data, "retry": &b.retry}[name]
		if !ok || field == nil || *field != "" {
			return b, fmt.Errorf("a line that no event has: %q", line)
		}
		*field = value
	}
}

// records returns the names of the next records.
func (st *stream) records(t *testing.T, many int) (names []string, last block) {
	t.Helper()
	for len(names) < many {
		b, err := st.next()
		if err != nil {
			t.Fatalf("after %q: %v", names, err)
		}
		if b.event == "record" {
			names, last = append(names, fmt.Sprint(b.record(t)["event"])), b
		}
	}
	return names, last
}

// open starts a service in a bubble, and a stream of its administrator.
func open(t *testing.T, query string) (s *service, n *network, root string, st *stream) {
	t.Helper()
	s = start(t)
	n, _ = s.serve()
	root = s.bearer("root")
	st = s.stream(n, "GET", query, "Authorization", root)
	if st.StatusCode != http.StatusOK {
		t.Fatalf("the stream: %d", st.StatusCode)
	}
	return s, n, root, st
}

const refusal, missing = "authz_fail", "input_validation_fail"

// leave leaves a refusal and a missing route in the log.
func (s *service) leave() {
	s.do("192.0.2.9", "GET", "/documents", nil)
	s.do("192.0.2.9", "GET", "/nowhere", nil)
}

// A record is shown as the log has it, in the frame of server-sent events.
func TestEventsAreThoseOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _, st := open(t, "?kind="+refusal)
		h := st.Header
		if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("X-Accel-Buffering") != "no" ||
			h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("header %v", h)
		}
		if b, err := st.next(); err != nil || b != (block{retry: "3000"}) {
			t.Errorf("the first block: %v %v", b, err)
		}
		s.leave()
		b, err := st.next()
		if err != nil || b.event != "record" || !strings.HasSuffix(b.id, ".4") { // three events of the login came before
			t.Fatalf("block %+v %v", b, err)
		}
		shown := b.record(t)
		logged := s.events(refusal)
		if len(logged) != 1 {
			t.Fatalf("the log has %v", logged)
		}
		if fmt.Sprint(shown["requestId"]) == "<nil>" || fmt.Sprint(shown) != fmt.Sprint(logged[0]) {
			t.Errorf("shown %v\nlogged %v", shown, logged[0])
		}
	})
}

func TestEventsAreFiltered(t *testing.T) {
	for query, want := range map[string]string{
		"":                                       "session_created authn_token_created authn_login_success " + refusal + " " + missing,
		"?kind=" + refusal:                       refusal,
		"?caller=anonymous":                      refusal + " " + missing,
		"?kind=" + missing + "&caller=anonymous": missing,
		"?caller=ROOT":                           "session_created authn_token_created authn_login_success",
		"?kind=authn_login_success&caller=ROOT":  "authn_login_success",
	} {
		t.Run(query, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t)
				n, _ := s.serve()
				root := s.bearer("root")
				me := s.do("192.0.2.8", "GET", "/api/auth/me", nil, "Authorization", root).body["user"].(map[string]any)
				s.leave()
				st := s.stream(n, "GET", strings.ReplaceAll(query, "ROOT", me["id"].(string)), "Authorization", root)
				got, _ := st.records(t, len(strings.Fields(want)))
				if strings.Join(got, " ") != want {
					t.Errorf("got %q, want %q", got, want)
				}
				if b, err := st.next(); err != nil || b.event != "" { // the next is the heartbeat
					t.Errorf("after them: %+v %v", b, err)
				}
			})
		})
	}
}

func TestEventsResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n, root, st := open(t, "")
		s.leave()
		_, last := st.records(t, 5)
		st.conn.Close()
		s.leave()
		again := s.stream(n, "GET", "", "Authorization", root, "Last-Event-ID", last.id)
		if got, _ := again.records(t, 2); strings.Join(got, " ") != refusal+" "+missing {
			t.Errorf("after %s: %q", last.id, got)
		}
		boot, _, _ := strings.Cut(last.id, ".")
		// An id of another process, of the future, or of nobody begins at the beginning.
		for _, id := range []string{"otherotherother.2", boot + ".99", boot + ".x", boot + ".-1", boot, "<script>", strings.Repeat("9", 300)} {
			st := s.stream(n, "GET", "", "Authorization", root, "Last-Event-ID", id)
			if got, _ := st.records(t, 7); got[0] != "session_created" {
				t.Errorf("after %q: %q", id, got)
			}
		}
		// The heartbeat moves the place, also past events that the filter leaves out.
		quiet := s.stream(n, "GET", "?kind=audit_gap", "Authorization", root)
		quiet.next()
		if b, err := quiet.next(); err != nil || b != (block{id: boot + ".7"}) {
			t.Errorf("heartbeat %+v %v", b, err)
		}
	})
}

// Whoever reads slowly misses events, is told how many, and holds nobody up.
func TestEventsOfAFloodAreMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood = 3000
		s, _, _, st := open(t, "")
		st.records(t, 3)
		began := time.Now()
		for i := range flood {
			if a := s.do(fmt.Sprintf("198.51.%d.%d", i/200, i%200), "GET", "/nowhere", nil); a.StatusCode != http.StatusNotFound {
				t.Fatalf("a request is held up: %v", a)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the requests waited %v for a reader", took)
		}
		shown, missed := 0, 0
		for shown+missed < flood {
			b, err := st.next()
			if err != nil {
				t.Fatalf("after %d and %d: %v", shown, missed, err)
			}
			switch b.event {
			case "record":
				shown++
			case "missed":
				missed += int(b.record(t)["count"].(float64))
			}
		}
		if shown+missed != flood || missed < flood-documentsKept-200 || shown < documentsKept {
			t.Errorf("%d shown and %d missed of %d", shown, missed, flood)
		}
	})
}

// A stream that begins has missed nothing, however much there was before.
func TestEventsBeginWithTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		n, _ := s.serve()
		root := s.bearer("root")
		for i := range documentsKept + 100 {
			s.do(fmt.Sprintf("198.51.%d.%d", i/200, i%200), "GET", "/nowhere", nil)
		}
		st := s.stream(n, "GET", "", "Authorization", root)
		st.next()
		for range documentsKept {
			if b, err := st.next(); err != nil || b.event != "record" {
				t.Fatalf("%+v %v, want a record", b, err)
			}
		}
		if b, err := st.next(); err != nil || b.event != "" {
			t.Errorf("%+v %v, want a heartbeat", b, err)
		}
	})
}

// A client that reads nothing at all is let go.
func TestEventsNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n, root, _ := open(t, "")
		synctest.Wait()
		if s.app.Streams() != 1 {
			t.Fatalf("%d streams", s.app.Streams())
		}
		time.Sleep(46 * time.Second) // a heartbeat, and the time that its write has
		synctest.Wait()
		if s.app.Streams() != 0 {
			t.Errorf("%d streams are still open", s.app.Streams())
		}
		// A client that has gone is let go at once.
		st := s.stream(n, "GET", "", "Authorization", root)
		st.records(t, 3)
		st.conn.Close()
		synctest.Wait()
		if s.app.Streams() != 0 {
			t.Errorf("%d streams of clients that have gone", s.app.Streams())
		}
	})
}

// The limits of the server for a request and an answer do not cut a stream off.
// The end of its credential does.
func TestEventsEndWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _, st := open(t, "")
		began := time.Now()
		st.next() // retry
		beats, err := 0, error(nil)
		for {
			var b block
			if b, err = st.next(); err != nil {
				break
			}
			if b.event == "" {
				beats++
			}
		}
		if lasted := time.Since(began); lasted < 15*time.Minute-2*time.Second || lasted > 15*time.Minute {
			t.Errorf("the stream lasted %v, want the 15 minutes of its token (%v)", lasted, err)
		}
		if beats < 58 || beats > 60 {
			t.Errorf("%d heartbeats, want one each 15 seconds", beats)
		}
		synctest.Wait()
		if s.app.Streams() != 0 {
			t.Errorf("%d streams", s.app.Streams())
		}
	})
}

// After a logout nothing is shown any more, and the logout itself is not.
func TestEventsEndWithALogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		n, _ := s.serve()
		var cookies []string
		for _, c := range s.login("192.0.2.1", "root", password).Cookies() {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		session := strings.Join(cookies, "; ")
		st := s.stream(n, "GET", "", "Cookie", session)
		st.records(t, 3)
		if a := s.do("192.0.2.1", "POST", "/api/auth/logout", nil, "Cookie", session); a.StatusCode != http.StatusNoContent {
			t.Fatalf("logout: %v", a)
		}
		s.leave()
		if b, err := st.next(); !errors.Is(err, io.EOF) {
			t.Errorf("after the logout: %+v %v", b, err)
		}
	})
}

// An administrator ends the session of another: the stream of that session ends
// at once, and shows nothing of it.
func TestEventsEndWithARevocation(t *testing.T) {
	for name, revoke := range map[string]func(s *service, other, root login) answer{
		"session": func(s *service, other, root login) answer {
			return s.do("192.0.2.9", "DELETE", "/admin/sessions/"+root.id, nil, "Authorization", other.bearer)
		},
		"others": func(s *service, other, _ login) answer {
			return s.do("192.0.2.9", "DELETE", "/api/sessions/others", nil, "Authorization", other.bearer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t)
				n, _ := s.serve()
				root, other := s.logIn("198.51.100.1", "root", firefox), s.logIn("198.51.100.2", "root", iphone)
				st := s.stream(n, "GET", "", "Authorization", root.bearer)
				st.records(t, 6)
				began := time.Now()
				if a := revoke(s, other, root); a.StatusCode != http.StatusNoContent {
					t.Fatalf("%v", a)
				}
				if b, err := st.next(); !errors.Is(err, io.EOF) || time.Since(began) != 0 {
					t.Errorf("after the revocation: %+v %v, %v later", b, err, time.Since(began))
				}
				synctest.Wait()
				if s.app.Streams() != 0 {
					t.Errorf("%d streams", s.app.Streams())
				}
				if a := s.do("192.0.2.1", "GET", "/admin/events", nil, "Authorization", root.bearer); a.StatusCode != http.StatusUnauthorized {
					t.Errorf("the session has not ended: %v", a)
				}
			})
		})
	}
}

func TestEventsEndWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		n, stop := s.serve()
		st := s.stream(n, "GET", "", "Authorization", s.bearer("root"))
		st.records(t, 3)
		began := time.Now()
		ended := make(chan error, 1)
		go func() { ended <- stop() }()
		if b, err := st.next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the stop: %+v %v, want the end of the answer", b, err)
		}
		if err := <-ended; err != nil || time.Since(began) > time.Second {
			t.Errorf("the stop took %v: %v", time.Since(began), err)
		}
	})
}

// As many streams as are allowed, and one more.
func TestEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		n, _ := s.serve()
		root := s.bearer("root")
		var streams []*stream
		for range documentsReaders {
			st := s.stream(n, "GET", "", "Authorization", root)
			st.records(t, 3)
			streams = append(streams, st)
		}
		a := s.do("192.0.2.1", "GET", "/admin/events", nil, "Authorization", root)
		s.refused(a, http.StatusServiceUnavailable, "activity.streams_used")
		if a.Header.Get("Retry-After") != "30" {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
		streams[0].conn.Close()
		for _, st := range streams[1:] { // whoever is read goes on
			go io.Copy(io.Discard, st.text)
		}
		time.Sleep(16 * time.Second)
		st := s.stream(n, "GET", "", "Authorization", root)
		if st.StatusCode != http.StatusOK {
			t.Errorf("in the place of a stream that has ended: %d", st.StatusCode)
		}
		if events := s.events("sys_unavailable"); len(events) != 1 || events[0]["reason"] != "activity.streams_used" {
			t.Errorf("events %v", events)
		}
	})
}

// A HEAD is answered at once.
func TestEventsHead(t *testing.T) {
	s := start(t)
	a := s.do("192.0.2.1", "HEAD", "/admin/events", nil, "Authorization", s.bearer("root"))
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" || s.app.Streams() != 0 {
		t.Errorf("%v, %d streams", a, s.app.Streams())
	}
}
