package auth_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/internal/response"
)

// logins is an authenticator whose callers name their session in the field
// X-Session, and that can look again.
type logins struct {
	lives
	mu     sync.Mutex
	state  map[string]error // of a session; nil is good
	all    error            // of each session, if it is set
	asked  map[string][]time.Time
	answer func(ctx context.Context) error // in place of all that
}

func (l *logins) Detect(r *http.Request) auth.Presence {
	if r.Header.Get("X-Session") == "" {
		return auth.None
	}
	return auth.Explicit
}

func (l *logins) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	p, _ := l.lives.Authenticate(r)
	p.SessionID = r.Header.Get("X-Session")
	return p, nil
}

func (l *logins) Review(p *bulwark.Principal) (string, func(context.Context) error) {
	id := p.SessionID
	if id == "unnamed" {
		return "", nil
	}
	return id, func(ctx context.Context) error {
		l.mu.Lock()
		if l.asked == nil {
			l.asked = map[string][]time.Time{}
		}
		l.asked[id] = append(l.asked[id], time.Now())
		answer, err := l.answer, l.state[id]
		if l.all != nil {
			err = l.all
		}
		l.mu.Unlock()
		if answer != nil {
			return answer(ctx)
		}
		return err
	}
}

func (l *logins) set(id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == nil {
		l.state = map[string]error{}
	}
	l.state[id] = err
}

// sessions counts the sessions that were asked about.
func (l *logins) sessions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked)
}

func (l *logins) questions(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked[id])
}

var (
	errLoggedOut = errors.New("somebody has logged out")
	errDown      = errors.New("the store is down")
)

func loggedOut() error { return auth.Invalid("revoked", errLoggedOut) }

// reviewed is the layer in front of a handler, with a recorder around it.
func reviewed(t testing.TB, c auth.Config, next http.HandlerFunc) (http.Handler, *bulwarktest.Recorder) {
	t.Helper()
	layer, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var events bulwarktest.Recorder
	return events.Wrap(layer.Wrap(next)), &events
}

func within(l auth.Authenticator) auth.Config {
	return auth.Config{Authenticators: []auth.Authenticator{l}}
}

func inSession(t testing.TB, url, id string) *http.Request {
	r := ask(t, "GET", url, "ever")
	r.Header.Set("X-Session", id)
	return r
}

// one asserts the only event.
func one(t *testing.T, events *bulwarktest.Recorder, name bulwark.EventName, reason string, count int, cause string) {
	t.Helper()
	taken := events.Take()
	if len(taken) != 1 {
		t.Fatalf("%d events: %+v", len(taken), taken)
	}
	e := taken[0]
	var text string
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			text = attr.Value.String()
		}
	}
	if e.Name != name || e.Reason != reason || e.Count != count || e.Path != "/stream" || e.UserID != "mortal" || !strings.Contains(text, cause) {
		t.Errorf("event %+v", e)
	}
}

const slow = 32*time.Second + time.Second // the documented time until a stream ends, and a little

// A stream of each kind ends within 30 seconds and the time of an answer.
func TestStreamEndsWithItsSession(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("http%d", version), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, ends := &logins{}, make(chan end, 1)
				h, events := reviewed(t, within(store), func(w http.ResponseWriter, r *http.Request) {
					err := event(w, "first")
					for err == nil {
						time.Sleep(beat)
						err = event(w, "tick")
					}
					ends <- end{err: err, cause: context.Cause(r.Context())}
				})
				server := piped(t, version, false, h)
				resp, err := server.Client().Do(inSession(t, server.URL+"/stream", "alice"))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body := make(chan error, 1)
				go func() { _, err := io.Copy(io.Discard, resp.Body); body <- err }()
				time.Sleep(5 * time.Minute)
				if n := store.questions("alice"); n != 10 {
					t.Errorf("asked %d times in 5 minutes", n)
				}
				select {
				case got := <-ends:
					t.Fatalf("ended too early: %v", got)
				default:
				}
				store.set("alice", loggedOut())
				start := time.Now()
				got := <-ends
				if time.Since(start) > slow || got.err != response.ErrRevoked || got.cause != response.ErrRevoked {
					t.Errorf("after %s: %v because of %v", time.Since(start), got.err, got.cause)
				}
				if err := <-body; err == nil { // what was cut off must not look whole
					t.Error("the answer looks whole")
				}
				synctest.Wait()
				one(t, events, bulwark.SessionExpired, "revoked", 1, errLoggedOut.Error())
			})
		})
	}
}

func TestSocketEndsWithItsSession(t *testing.T) {
	for _, returns := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, ends := &logins{}, make(chan error, 1)
			h, events := reviewed(t, within(store), func(w http.ResponseWriter, r *http.Request) {
				conn, buffered, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				buffered.WriteString(switching + "hello\n")
				buffered.Flush()
				serve := func() {
					_, err := conn.Read(make([]byte, 1))
					conn.Close()
					ends <- err
				}
				if returns {
					go serve()
					return
				}
				serve()
				if context.Cause(r.Context()) != response.ErrRevoked {
					t.Errorf("because of %v", context.Cause(r.Context()))
				}
			})
			server := piped(t, 1, false, h)
			conn, reader := upgradeAs(t, server, "/stream", "alice", "")
			defer conn.Close()
			if line, _ := reader.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 101") {
				t.Fatalf("%q", line)
			}
			time.Sleep(time.Minute)
			store.set("alice", loggedOut())
			start := time.Now()
			if err := <-ends; err == nil || time.Since(start) > slow {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
			if _, err := io.ReadAll(reader); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			one(t, events, bulwark.SessionExpired, "revoked", 1, errLoggedOut.Error())
		})
	}
}

// upgradeAs opens a WebSocket, as far as net/http is concerned.
func upgradeAs(t *testing.T, server *httptest.Server, path, session, more string) (io.Closer, *bufio.Reader) {
	t.Helper()
	conn, err := server.Client().Transport.(*http.Transport).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: example.com\r\nX-Session: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s\r\n", path, session, more)
	return conn, bufio.NewReader(conn)
}

// A proxy flushes what has no length, and hijacks for a WebSocket.
func TestProxiedStreamEndsWithItsSession(t *testing.T) {
	for _, socket := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, left := &logins{}, make(chan struct{}, 1)
			upstream := piped(t, 1, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !socket {
					event(w, "first")
					<-r.Context().Done()
					left <- struct{}{}
					return
				}
				conn, buffered, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				buffered.WriteString(switching)
				buffered.Flush()
				conn.Read(make([]byte, 1))
				left <- struct{}{}
			}))
			target, _ := url.Parse(upstream.URL)
			proxy := &httputil.ReverseProxy{Transport: upstream.Client().Transport, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
				Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
			h, events := reviewed(t, within(store), proxy.ServeHTTP)
			front := piped(t, 1, false, h)
			conn, reader := upgradeAs(t, front, "/stream", "alice", "")
			defer conn.Close()
			if line, err := reader.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 ") {
				t.Fatalf("%q, %v", line, err)
			}
			time.Sleep(time.Minute)
			store.set("alice", loggedOut())
			start := time.Now()
			io.Copy(io.Discard, reader)
			<-left
			if time.Since(start) > slow {
				t.Errorf("after %s", time.Since(start))
			}
			synctest.Wait()
			one(t, events, bulwark.SessionExpired, "revoked", 1, errLoggedOut.Error())
		})
	}
}

// open opens streams in sessions, as a server would. It returns how many are
// open, and a function that ends them.
func open(t *testing.T, h http.Handler, sessions ...string) (still func() int, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	n := 0
	for _, id := range sessions {
		r := inSession(t, "/stream", id)
		mu.Lock()
		n++
		mu.Unlock()
		go func() {
			h.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
			mu.Lock()
			n--
			mu.Unlock()
		}()
	}
	synctest.Wait()
	return func() int {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return n
	}, cancel
}

// waits is the handler of a stream.
func waits(w http.ResponseWriter, r *http.Request) {
	if event(w, "first") == nil {
		<-r.Context().Done()
	}
}

// All streams of a session cost one question, and end together. The streams of
// another session stay.
func TestOneQuestionForAllStreamsOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logins{}
		c := within(store)
		c.MaxCallerStreams = 10_000
		h, events := reviewed(t, c, waits)
		still, leave := open(t, h, append(slices.Repeat([]string{"alice"}, 1000), "bob")...)
		time.Sleep(10 * time.Minute)
		if a, b := store.questions("alice"), store.questions("bob"); a != 20 || b != 20 {
			t.Errorf("asked %d and %d times in 10 minutes", a, b)
		}
		store.set("alice", loggedOut())
		time.Sleep(slow)
		if n := still(); n != 1 {
			t.Errorf("%d streams are open", n)
		}
		one(t, events, bulwark.SessionExpired, "revoked", 1000, errLoggedOut.Error())
		asked := store.questions("alice")
		time.Sleep(10 * time.Minute)
		if store.questions("alice") != asked {
			t.Error("asked about nobody")
		}
		leave()
	})
}

// The questions about ten thousand sessions that connect in the same moment are
// spread evenly.
func TestQuestionsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const minutes = 3
		sessions := 10_000
		if race.Enabled { // which needs its time
			sessions = 1500
		}
		store := &logins{}
		c := within(store)
		c.MaxCallerStreams = 10_000
		h, _ := reviewed(t, c, waits)
		ids := make([]string, sessions)
		for i := range ids {
			ids[i] = fmt.Sprint("session", i)
		}
		start := time.Now()
		still, leave := open(t, h, ids...)
		time.Sleep(minutes*time.Minute + time.Nanosecond)
		if n := still(); n != sessions {
			t.Errorf("%d streams are open", n)
		}
		perSecond, perWindow := map[int]int{}, map[int]int{}
		for _, id := range ids {
			for _, at := range store.asked[id] {
				since := at.Sub(start) - 1 // the first turn is at 1 ns to 30 s
				perSecond[int(since/time.Second)]++
				perWindow[int(since/(30*time.Second))]++
			}
		}
		for window := range 2 * minutes {
			if perWindow[window] != sessions {
				t.Errorf("%d questions in window %d", perWindow[window], window)
			}
		}
		for second, n := range perSecond {
			if n > 2*sessions/30 {
				t.Errorf("%d questions in second %d", n, second)
			}
		}
		leave()
		still()
	})
}

// A store that is down for a hundred seconds costs nobody a stream. A store that
// is down for longer ends all streams, because somebody may have logged out.
func TestStreamsDuringAnOutage(t *testing.T) {
	for name, outage := range map[string]func(*logins){
		"error":  func(l *logins) { l.answer = func(context.Context) error { return errDown } },
		"opaque": func(l *logins) { l.answer = func(context.Context) error { return (*bulwark.Problem)(nil) } },
		"unavailable": func(l *logins) {
			l.answer = func(context.Context) error { return auth.Unavailable("keys_unavailable", errDown, time.Second) }
		},
		"hangs": func(l *logins) { l.answer = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } },
		"hangs_and_is_good": func(l *logins) {
			l.answer = func(ctx context.Context) error { <-ctx.Done(); return nil }
		},
		"panics": func(l *logins) { l.answer = func(context.Context) error { panic("down") } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &logins{}
				h, events := reviewed(t, within(store), waits)
				still, leave := open(t, h, "alice", "alice", "bob")
				defer leave()
				time.Sleep(time.Minute)
				for range 5 { // one short outage after the other
					store.mu.Lock()
					outage(store)
					store.mu.Unlock()
					time.Sleep(100 * time.Second)
					store.mu.Lock()
					store.answer = nil
					store.mu.Unlock()
					time.Sleep(31 * time.Second)
				}
				if n, e := still(), events.Take(); n != 3 || len(e) != 0 {
					t.Errorf("%d streams are open after a short outage: %+v", n, e)
				}
				store.mu.Lock()
				outage(store)
				store.mu.Unlock()
				time.Sleep(119 * time.Second)
				if n := still(); n != 3 {
					t.Errorf("%d streams are open after 119 s", n)
				}
				time.Sleep(time.Second + slow)
				if n := still(); n != 0 {
					t.Errorf("%d streams are open after the outage", n)
				}
				time.Sleep(time.Minute)
				// One name at once, and the other within the minute.
				taken, count := events.Take(), 0
				for _, e := range taken {
					count += e.Count
					reason := "store_unavailable"
					if name == "unavailable" {
						reason = "keys_unavailable"
					}
					if text := e.Attrs[0].Value.String(); e.Name != bulwark.SysUnavailable || e.Reason != reason || !strings.Contains(text, "auth.Config.ReviewOutage") {
						t.Errorf("event %+v", e)
					}
				}
				if len(taken) > 2 || count != 3 {
					t.Errorf("%d events of %d streams", len(taken), count)
				}
			})
		})
	}
}

func TestCauseOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logins{all: errDown}
		cause := make(chan error, 1)
		h, events := reviewed(t, within(store), func(w http.ResponseWriter, r *http.Request) {
			event(w, "first")
			<-r.Context().Done()
			cause <- context.Cause(r.Context())
			bulwark.Deny(w, r, r.Context().Err()) // reports nothing more
		})
		_, leave := open(t, h, "alice")
		defer leave()
		if got := <-cause; got != response.ErrUnchecked {
			t.Error(got)
		}
		synctest.Wait()
		one(t, events, bulwark.SysUnavailable, "store_unavailable", 1, "no answer for 2m0s, which is auth.Config.ReviewOutage: the store is down")
	})
}

// Ten thousand sessions lose their streams in one outage: a few events.
func TestOutageIsFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logins{all: errDown}
		h, events := reviewed(t, within(store), waits)
		ids := make([]string, 1000)
		for i := range ids {
			ids[i] = fmt.Sprint("session", i)
		}
		still, leave := open(t, h, ids...)
		defer leave()
		time.Sleep(10 * time.Minute)
		count := 0
		taken := events.Take()
		for _, e := range taken {
			count += e.Count
		}
		if n := still(); n != 0 || count != len(ids) || len(taken) != 2 {
			t.Errorf("%d streams are open; %d events of %d streams", n, len(taken), count)
		}
	})
}

// goroutines counts the goroutines of this bubble. Others may come and go.
func goroutines() (n int) {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	_, bubble, _ := strings.Cut(string(all[:bytes.IndexByte(all, '\n')]), "synctest bubble")
	for line := range strings.SplitSeq(string(all), "\n") {
		if strings.HasPrefix(line, "goroutine ") && strings.HasSuffix(line, "synctest bubble"+bubble) {
			n++
		}
	}
	return n
}

// Questions without an end hold all places. The other sessions have no answer
// either, and lose their streams in time. Nothing grows meanwhile.
func TestQuestionsThatNeverEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		running, most := 0, 0
		store := &logins{answer: func(context.Context) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-release
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		}}
		h, events := reviewed(t, within(store), waits)
		ids := make([]string, 100)
		for i := range ids {
			ids[i] = fmt.Sprint("session", i)
		}
		before := goroutines()
		still, leave := open(t, h, ids...)
		defer leave()
		time.Sleep(2*time.Minute - time.Second)
		if n := still(); n != len(ids) {
			t.Errorf("%d streams are open", n)
		}
		time.Sleep(slow)
		if n := still(); n != 0 {
			t.Errorf("%d streams are open", n)
		}
		if most != 32 {
			t.Errorf("%d questions at once", most)
		}
		if n := goroutines() - before; n > 32 {
			t.Errorf("%d goroutines are left", n)
		}
		time.Sleep(time.Minute)
		queued, late := 0, 0
		for _, e := range events.Take() {
			switch text := e.Attrs[0].Value.String(); {
			case strings.Contains(text, "32 other questions"):
				queued += e.Count
			case strings.Contains(text, "no answer within 2s"):
				late += e.Count
			default:
				t.Errorf("event %+v", e)
			}
		}
		if queued+late != len(ids) {
			t.Errorf("%d and %d streams in the events", queued, late)
		}
		close(release)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := goroutines() - before; n > 0 {
			t.Errorf("%d goroutines are left", n)
		}
		// And the places are free again.
		store.mu.Lock()
		store.answer = nil
		store.mu.Unlock()
		store.set("alice", loggedOut())
		still, leave = open(t, h, "alice")
		defer leave()
		time.Sleep(slow)
		if n := still(); n != 0 {
			t.Error("the stream goes on")
		}
	})
}

// A slow store is not an outage: the questions wait for each other.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logins{answer: func(context.Context) error { time.Sleep(time.Second); return nil }}
		h, events := reviewed(t, within(store), waits)
		ids := make([]string, 900) // of 960 that 32 at once can ask about in 30 seconds
		for i := range ids {
			ids[i] = fmt.Sprint("session", i)
		}
		still, leave := open(t, h, ids...)
		time.Sleep(15 * time.Minute)
		if n, e := still(), events.Take(); n != len(ids) || len(e) != 0 {
			t.Errorf("%d streams are open: %+v", n, e)
		}
		leave()
		time.Sleep(2 * time.Second) // the last questions end
	})
}

// Nothing is left behind by requests that were streams for a moment.
func TestNothingStaysBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logins{}
		h, _ := reviewed(t, within(store), func(w http.ResponseWriter, r *http.Request) {
			event(w, "first")
			time.Sleep(time.Millisecond)
		})
		before := goroutines()
		for i := range 100 {
			h.ServeHTTP(httptest.NewRecorder(), inSession(t, "/stream", fmt.Sprint("session", i)))
		}
		asked := store.sessions()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := goroutines(); n != before || store.sessions() != asked {
			t.Errorf("%d goroutines, before %d; asked about %d sessions", n, before, store.sessions())
		}
	})
}

// An ordinary answer is never asked about, however long it takes.
func TestOnlyStreamsAreReviewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logins{}
		store.set("alice", loggedOut())
		h, events := reviewed(t, within(store), func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(10 * time.Minute)
			io.WriteString(w, "whole")
		})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, inSession(t, "/stream", "alice"))
		if w.Body.String() != "whole" || store.questions("alice") != 0 || len(events.Take()) != 0 {
			t.Errorf("%q, asked %d times", w.Body, store.questions("alice"))
		}
	})
}

// A caller without a name is not asked about and not counted.
func TestCallersWithoutAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logins{}
		c := within(store)
		c.MaxStreams = 1
		h, events := reviewed(t, c, waits)
		still, leave := open(t, h, "unnamed", "unnamed", "alice")
		time.Sleep(10 * time.Minute)
		if n := still(); n != 3 || store.sessions() != 1 || len(events.Take()) != 0 {
			t.Errorf("%d streams are open, asked about %d", n, store.sessions())
		}
		r := inSession(t, "/stream", "unnamed")
		r.Header.Set("Accept", "text/event-stream")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r.WithContext(ctx)); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
		leave()
		still()
	})
}

// Two authenticators may use one name for two things.
func TestNamesOfTwoAuthenticators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &logins{}, &others{}
		second.set("alice", loggedOut())
		h, _ := reviewed(t, auth.Config{Authenticators: []auth.Authenticator{first, second}}, waits)
		still, leave := open(t, h, "alice")
		defer leave()
		r := ask(t, "GET", "/stream", "ever")
		r.Header.Set("X-Other", "alice")
		h.ServeHTTP(httptest.NewRecorder(), r) // until it is ended
		if first.questions("alice")+second.questions("alice") < 1 || still() != 1 {
			t.Error("the stream of the other authenticator has ended")
		}
	})
}

type others struct{ logins }

func (o *others) Detect(r *http.Request) auth.Presence {
	if r.Header.Get("X-Other") == "" {
		return auth.None
	}
	return auth.Explicit
}

func (o *others) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	p := caller("mortal")
	p.SessionID = r.Header.Get("X-Other")
	return p, nil
}

// What says that it is a stream gets an answer when there is no room.
func TestTooManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := within(&logins{})
		c.MaxStreams = 2
		var ran atomic.Int64
		h, events := reviewed(t, c, func(w http.ResponseWriter, r *http.Request) { ran.Add(1); waits(w, r) })
		still, leave := open(t, h, "alice", "bob")
		for name, change := range map[string]func(*http.Request){
			"events":        func(r *http.Request) { r.Header.Set("Accept", "text/event-stream") },
			"events_of_two": func(r *http.Request) { r.Header.Set("Accept", "text/html, Text/Event-Stream;q=0.9") },
			"websocket":     func(r *http.Request) { r.Header.Set("Upgrade", "websocket") },
			"http2":         func(r *http.Request) { r.Method = "CONNECT" },
		} {
			r := inSession(t, "/stream", "alice")
			change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 503 || !strings.Contains(w.Body.String(), `"code":"auth.too_many_streams"`) || w.Header().Get("Retry-After") != "10" {
				t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
			}
			one(t, events, bulwark.SysUnavailable, "auth.too_many_streams", 0, "too many streams are open; auth.Config.MaxStreams allows more")
		}
		if ran.Load() != 2 {
			t.Errorf("the handler ran %d times", ran.Load())
		}
		// An answer that may become a stream is served, until it does.
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, inSession(t, "/stream", "carol")); w.Flushed || ran.Load() != 3 {
			t.Errorf("flushed %t", w.Flushed)
		}
		one(t, events, bulwark.SysUnavailable, "auth.too_many_streams", 0, "auth.Config.MaxStreams")
		leave()
		if still() != 0 {
			t.Fatal("streams go on")
		}
		still, leave = open(t, h, "alice", "bob")
		if n, e := still(), events.Take(); n != 2 || len(e) != 0 {
			t.Errorf("%d streams are open again: %+v", n, e)
		}
		leave()
		still()
	})
}

// persons are logins whose session is the caller.
type persons struct{ logins }

func (p *persons) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	caller, err := p.logins.Authenticate(r)
	caller.Subject, _, _ = strings.Cut(caller.SessionID, "-")
	return caller, err
}

// One caller with many sessions does not shut out the others.
func TestTooManyStreamsOfOneCaller(t *testing.T) {
	for name, test := range map[string]struct{ most, each, share int }{
		"default": {0, 0, 1000}, "least": {200, 0, 100}, "all": {50, 0, 50}, "set": {5000, 7, 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := within(&persons{})
				c.MaxStreams, c.MaxCallerStreams = test.most, test.each
				var ran atomic.Int32
				h, events := reviewed(t, c, func(w http.ResponseWriter, r *http.Request) { ran.Add(1); waits(w, r) })
				ids := make([]string, test.share)
				for i := range ids {
					ids[i] = fmt.Sprint("alice-", i)
				}
				still, leave := open(t, h, ids...)
				if n, e := still(), events.Take(); n != test.share || len(e) != 0 {
					t.Fatalf("%d streams are open: %+v", n, e)
				}
				status, code, field, event := 429, "auth.too_many_caller_streams", "auth.Config.MaxCallerStreams", bulwark.ExcessRateLimitExceeded
				if test.share == test.most { // there is no room for anybody
					status, code, field, event = 503, "auth.too_many_streams", "auth.Config.MaxStreams", bulwark.SysUnavailable
				}
				ran.Store(0)
				refused := func(w *httptest.ResponseRecorder) {
					t.Helper()
					taken := events.Take()
					if len(taken) != 1 || taken[0].Name != event || taken[0].Reason != code || taken[0].UserID != "alice" || !strings.Contains(fmt.Sprint(taken[0].Attrs[0].Value), field) {
						t.Errorf("events %+v", taken)
					}
					if w != nil && (w.Code != status || !strings.Contains(w.Body.String(), `"code":"`+code+`"`) || w.Header().Get("Retry-After") != "10") {
						t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
					}
				}
				r := inSession(t, "/stream", "alice-new")
				r.Header.Set("Accept", "text/event-stream")
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); ran.Load() != 0 {
					t.Error("the handler ran")
				}
				refused(w)
				w = httptest.NewRecorder()
				if h.ServeHTTP(w, inSession(t, "/stream", "alice-new")); w.Flushed || ran.Load() != 1 {
					t.Error("the stream has begun")
				}
				refused(nil)
				if status == 429 {
					stays, end := open(t, h, "bob-1")
					if n, e := stays(), events.Take(); n != 1 || len(e) != 0 {
						t.Errorf("bob has %d streams: %+v", n, e)
					}
					end()
					stays()
				}
				leave()
				still()
				again, end := open(t, h, "alice-1")
				if again() != 1 {
					t.Error("alice has no room again")
				}
				end()
				again()
			})
		})
	}
}

// A handler that is refused a connection can say so.
func TestTooManySockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := within(&logins{})
		c.MaxStreams = 1
		h, events := reviewed(t, c, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/held" {
				waits(w, r)
				return
			}
			_, _, err := http.NewResponseController(w).Hijack()
			bulwark.Deny(w, r, err)
		})
		held := inSession(t, "/held", "alice")
		ctx, leave := context.WithCancel(t.Context())
		go h.ServeHTTP(httptest.NewRecorder(), held.WithContext(ctx))
		synctest.Wait()
		server := piped(t, 1, false, h)
		resp, err := server.Client().Do(inSession(t, server.URL+"/stream", "alice"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 503 || !strings.Contains(string(body), "auth.too_many_streams") || resp.Header.Get("Retry-After") != "10" {
			t.Errorf("%s %s", resp.Status, body)
		}
		one(t, events, bulwark.SysUnavailable, "auth.too_many_streams", 0, "auth.Config.MaxStreams")
		leave()
	})
}

// The credential of the caller around ends the stream of a sub-request, and not
// the other way about.
func TestReviewOfASubRequest(t *testing.T) {
	for _, revoked := range []string{"outer", "inner"} {
		synctest.Test(t, func(t *testing.T) {
			store := &logins{}
			store.set(revoked, loggedOut())
			leaf, _ := reviewed(t, within(store), waits)
			h, _ := reviewed(t, within(store), func(w http.ResponseWriter, r *http.Request) {
				leaf.ServeHTTP(w, inSession(t, "/stream", "inner").WithContext(r.Context()))
				if ended := r.Context().Err() != nil; ended != (revoked == "outer") {
					t.Errorf("%s: the outer request ended: %t", revoked, ended)
				}
			})
			start := time.Now()
			h.ServeHTTP(httptest.NewRecorder(), inSession(t, "/stream", "outer"))
			if time.Since(start) > slow {
				t.Errorf("%s: after %s", revoked, time.Since(start))
			}
		})
	}
}

func TestReviewConfig(t *testing.T) {
	for _, test := range []struct {
		change func(*auth.Config)
		fault  string
	}{
		{func(c *auth.Config) { c.ReviewEvery = time.Millisecond }, "auth.ReviewEvery: 1ms: must be 1s to 5m0s, or 0 for the default of 30s"},
		{func(c *auth.Config) { c.ReviewEvery = 6 * time.Minute }, "auth.ReviewEvery: 6m0s: must be 1s to 5m0s, or 0 for the default of 30s"},
		{func(c *auth.Config) { c.ReviewOutage = -1 }, "auth.ReviewOutage: -1ns: must be 30s to 10m0s, or 0 for the default of 2m0s"},
		{func(c *auth.Config) { c.ReviewOutage = time.Hour }, "auth.ReviewOutage: 1h0m0s: must be 30s to 10m0s, or 0 for the default of 2m0s"},
		{func(c *auth.Config) { c.ReviewEvery, c.ReviewOutage = time.Minute, time.Minute-1 },
			"auth.ReviewOutage: 59.999999999s: must be 1m0s to 10m0s, or 0 for the default of 2m0s"},
		{func(c *auth.Config) { c.ReviewEvery, c.ReviewOutage = 5*time.Minute, 2*time.Minute },
			"auth.ReviewOutage: 2m0s: must be 5m0s to 10m0s, or 0 for the default of 5m0s"},
		{func(c *auth.Config) { c.MaxStreams = -1 }, "auth.MaxStreams: -1: must be 1 to 1000000, or 0 for the default of 10000"},
		{func(c *auth.Config) { c.MaxCallerStreams = -1 }, "auth.MaxCallerStreams: -1: must be 1 to 10000, or 0 for the default of 1000"},
		{func(c *auth.Config) { c.MaxStreams, c.MaxCallerStreams = 150, 151 }, "auth.MaxCallerStreams: 151: must be 1 to 150, or 0 for the default of 100"},
		{func(c *auth.Config) { c.MaxStreams = 1_000_001 }, "auth.MaxStreams: 1000001: must be 1 to 1000000, or 0 for the default of 10000"},
	} {
		c := within(&logins{})
		test.change(&c)
		if _, err := auth.New(c); err == nil || err.Error() != test.fault {
			t.Errorf("%v, want %s", err, test.fault)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		store := &logins{all: errDown}
		c := within(store)
		c.ReviewEvery, c.ReviewOutage = time.Second, 10*time.Second
		h, _ := reviewed(t, c, waits)
		start := time.Now()
		h.ServeHTTP(httptest.NewRecorder(), inSession(t, "/stream", "alice"))
		if after := time.Since(start); after <= 10*time.Second || after > 13*time.Second || store.questions("alice") != 11 {
			t.Errorf("after %s and %d questions", after, store.questions("alice"))
		}
	})
}

// What is not a stream costs a Reviewer nothing.
func TestPlainRequestsCostNoMore(t *testing.T) {
	if race.Enabled {
		return // the race detector allocates on its own account
	}
	count := func(a auth.Authenticator) float64 {
		layer, err := auth.New(within(a))
		if err != nil {
			t.Fatal(err)
		}
		h, w, r := layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), httptest.NewRecorder(), inSession(t, "/", "alice")
		r.Header.Set("X-Life", "1h")
		r.Header.Set("Accept", "text/html, application/json;q=0.9")
		return testing.AllocsPerRun(200, func() { h.ServeHTTP(w, r) })
	}
	if with, without := count(&logins{}), count(lives{}); with != without {
		t.Errorf("%v allocations with a Reviewer, %v without", with, without)
	}
}

// bearers are logins whose session is a Bearer token.
type bearers struct{ logins }

func (b *bearers) Detect(r *http.Request) auth.Presence {
	if _, ok := auth.Credentials(r, "Bearer"); !ok {
		return auth.None
	}
	return auth.Explicit
}

func (b *bearers) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Bearer"}} }

func (b *bearers) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	p := caller("mortal")
	p.SessionID, _ = auth.Credentials(r, "Bearer")
	return p, nil
}

// A token in another place than the Authorization header can be revoked also.
func TestStreamOfATokenElsewhere(t *testing.T) {
	for _, place := range [][2]string{{"X-Token", "alice"}, {"Cookie", "__Host-t=alice"}, {"Sec-Websocket-Protocol", "bearer, alice"}} {
		synctest.Test(t, func(t *testing.T) {
			store := &bearers{}
			store.set("alice", loggedOut())
			c := within(store)
			c.TokenFrom = auth.TokenFrom{Header: "X-Token", Cookie: "__Host-t", WebSocket: true}
			c.TrustedOrigins = []string{"https://app.example.com"}
			h, events := reviewed(t, c, waits)
			r := httptest.NewRequest("GET", "/stream", nil)
			r.Header.Set(place[0], place[1])
			r.Header.Set("Origin", "https://app.example.com")
			r.Header.Set("Upgrade", "websocket")
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			h.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
			if time.Since(start) > slow {
				t.Errorf("%s: after %s", place[0], time.Since(start))
			}
			synctest.Wait()
			one(t, events, bulwark.SessionExpired, "revoked", 1, errLoggedOut.Error())
		})
	}
}
