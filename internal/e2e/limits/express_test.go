package limits

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// node is the running express.js, and stopNode ends it.
var node = sync.OnceValues(func() (string, error) {
	if _, err := os.Stat("node_modules/express-rate-limit"); err != nil {
		return "", errors.New("express-rate-limit is missing: run npm ci in internal/e2e/limits")
	}
	cmd := exec.Command("node", "express.js")
	cmd.Stderr = io.Discard // express prints what its limiters throw
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stopNode = func() { cmd.Process.Kill(); cmd.Wait() }
	port, err := bufio.NewReader(out).ReadString('\n')
	return "http://127.0.0.1:" + strings.TrimSpace(port), err
})

var stopNode = func() {}

// express returns the base URL of the service with express-rate-limit.
func express(t *testing.T) string {
	t.Helper()
	base, err := node()
	if err != nil {
		if os.Getenv("BULWARK_BROWSER") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return base
}

// A step is a request of a comparison.
type step struct {
	after  time.Duration // the time that has passed since the step before
	times  int           // how often it is sent, one after the other; 0 is once
	status int           // what the handler answers; 0 is 200
	from   string        // the address of the client; "" is 192.0.2.1
	header string        // a further field, "Name: value"
	reset  string        // the administrator resets this key instead
}

// start is when each comparison begins: a bubble of synctest begins then.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// transcript is what a client sees, request by request: the status and the
// fields that matter. Equal answers in a row are counted.
type transcript struct {
	lines []string
	count int
}

func (t *transcript) add(line string) {
	last := len(t.lines) - 1
	if last >= 0 && strings.TrimPrefix(t.lines[last], fmt.Sprintf("%d × ", t.count)) == line {
		t.count++
		t.lines[last] = fmt.Sprintf("%d × %s", t.count, line)
		return
	}
	t.lines, t.count = append(t.lines, line), 1
}

func (t *transcript) String() string { return strings.Join(t.lines, ", ") }

// told is the part of an answer that a comparison looks at. A field is written
// without the spaces that a structured field may have.
func told(res *http.Response, see []string) string {
	parts := []string{strconv.Itoa(res.StatusCode)}
	for _, name := range see {
		if name == "body" {
			text, _ := io.ReadAll(res.Body)
			parts = append(parts, string(text))
			continue
		}
		value := "none"
		if all := res.Header.Values(name); len(all) > 0 {
			value = strings.ReplaceAll(strings.Join(all, ", "), "; ", ";")
		}
		parts = append(parts, name+" "+value)
	}
	return strings.Join(parts, " ")
}

// request makes a step a request.
func (s step) request(target string, now time.Time) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.RequestURI = ""
	if s.reset != "" {
		r = httptest.NewRequest("POST", target+"/reset", nil)
		r.RequestURI = ""
		r.Header.Set("X-Key", s.reset)
	}
	from := s.from
	if from == "" {
		from = "192.0.2.1"
	}
	r.RemoteAddr = "[" + from + "]:1234"
	if !strings.Contains(from, ":") {
		r.RemoteAddr = from + ":1234"
	}
	r.Header.Set("X-Forwarded-For", from)
	r.Header.Set("X-Clock", strconv.FormatInt(now.UnixMilli(), 10))
	r.Header.Set("X-Status", strconv.Itoa(s.status))
	if name, value, ok := strings.Cut(s.header, ": "); ok {
		r.Header.Set(name, value)
	}
	return r
}

// theirs sends the steps to express-rate-limit.
func (c comparison) theirs(t *testing.T, base string) string {
	t.Helper()
	var all transcript
	now := start
	for _, s := range c.steps {
		now = now.Add(s.after)
		for range max(1, s.times) {
			res, err := http.DefaultTransport.RoundTrip(s.request(base+"/"+c.path, now))
			if err != nil {
				t.Fatal(err)
			}
			if s.reset == "" {
				all.add(told(res, c.see))
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}
	return all.String()
}

// ours sends the steps to our limit.
func (c comparison) ours(t *testing.T) string {
	t.Helper()
	var all transcript
	synctest.Test(t, func(t *testing.T) {
		limit := c.limit(t)
		h := limit.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, _ := strconv.Atoi(r.Header.Get("X-Status"))
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(cmp.Or(status, http.StatusOK))
			io.WriteString(w, "ok")
		}))
		for _, s := range c.steps {
			time.Sleep(s.after)
			for range max(1, s.times) {
				if s.reset != "" {
					limit.reset(t, s.reset)
					continue
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, s.request("/"+c.path, time.Now()))
				all.add(told(w.Result(), c.see))
			}
		}
	})
	return all.String()
}

// TestExpress sends the same requests to express-rate-limit and to ours. Where
// the page says "equal", the answers are equal. Elsewhere they are what the
// comparison says of each side, and differ.
func TestExpress(t *testing.T) {
	base := express(t)
	for _, c := range comparisons {
		t.Run(c.name(), func(t *testing.T) {
			their, our := c.theirs(t, base), c.ours(t)
			if c.differ == nil {
				if their != our || their == "" {
					t.Errorf("not equal:\ntheirs %s\nours   %s", their, our)
				}
				return
			}
			if their != c.differ.theirs || our != c.differ.ours || their == our {
				t.Errorf("theirs %s\nwant   %s\nours   %s\nwant   %s", their, c.differ.theirs, our, c.differ.ours)
			}
		})
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("LIMITS_PEER") != "" {
		client()
		return
	}
	code := m.Run()
	stopNode()
	stopRedis()
	os.Exit(code)
}
