package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const password = "correct horse battery staple"

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "documents")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "documents")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// A program is the example, running.
type program struct {
	url    string
	stdout []string
	cmd    *exec.Cmd
	client *http.Client

	mu     sync.Mutex
	stderr []string
	ended  chan struct{}
}

// start runs the program on a free port until the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{ended: make(chan struct{}), client: &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.cmd = exec.Command(binary, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = append(os.Environ(), "ALLOWED_ORIGINS=")
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.stderr = append(p.stderr, lines.Text())
			p.mu.Unlock()
		}
		close(p.ended)
	}()
	out := bufio.NewScanner(stdout)
	for out.Scan() {
		p.stdout = append(p.stdout, out.Text())
		if _, url, ok := strings.Cut(out.Text(), "listening on "); ok {
			p.url = url
			break
		}
	}
	if p.url == "" {
		t.Fatalf("the program did not say where it listens: %q, %q", p.stdout, p.stderr)
	}
	go io.Copy(io.Discard, stdout)
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		<-p.ended
		p.cmd.Wait()
		for _, line := range p.stderr {
			if !json.Valid([]byte(line)) {
				t.Errorf("stderr has a line that is no JSON: %s", line)
			}
		}
	})
	return p
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

func (a answer) String() string { return fmt.Sprintf("%d %v\n%s", a.status, a.header, a.body) }

func (a answer) cookie(name string) *http.Cookie {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// do sends a request. body is JSON when it is a string; header is name, value, name, value.
func (p *program) do(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, p.url+path, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		switch header[i] {
		case "Host":
			r.Host = header[i+1]
		case "+Authorization":
			r.Header.Add("Authorization", header[i+1])
		default:
			r.Header.Set(header[i], header[i+1])
		}
	}
	return p.send(t, r)
}

func (p *program) send(t *testing.T, r *http.Request) answer {
	t.Helper()
	res, err := p.client.Do(r)
	if err != nil {
		dump, _ := httputil.DumpRequestOut(r, false)
		t.Fatalf("%v\n%s", err, dump)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	json.Unmarshal(a.body, &a.json)
	return a
}

// login returns an access token.
func (p *program) login(t *testing.T, name string) string {
	t.Helper()
	a := p.do(t, "POST", "/api/auth/login", fmt.Sprintf(`{"email":"%s@example.com","password":"%s"}`, name, password))
	token, _ := a.json["access_token"].(string)
	if a.status != 200 || token == "" {
		t.Fatalf("login of %s: %v", name, a)
	}
	return "Bearer " + token
}

// create makes a document and returns its path.
func (p *program) create(t *testing.T, authorization string) string {
	t.Helper()
	a := p.do(t, "POST", "/documents", `{"title":"T","content":"<p>hello</p>"}`, "Authorization", authorization)
	if a.status != 201 || a.header.Get("Location") != fmt.Sprint("/documents/", a.json["id"]) {
		t.Fatalf("create: %v", a)
	}
	return a.header.Get("Location")
}

// event returns the security event of a refusal, found by its request id.
func (p *program) event(t *testing.T, requestID string) map[string]any {
	t.Helper()
	for wait := time.Now().Add(patience); time.Now().Before(wait); time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		lines := p.stderr[:len(p.stderr):len(p.stderr)]
		p.mu.Unlock()
		for _, line := range lines {
			var event map[string]any
			if json.Unmarshal([]byte(line), &event) == nil && event["type"] == "security" && event["requestId"] == requestID {
				return event
			}
		}
	}
	return nil
}

// refused asserts a refusal: problem details, the headers that each has, and its event.
func (p *program) refused(t *testing.T, a answer, status int, code, event string) {
	t.Helper()
	h := a.header
	if a.status != status || a.json["code"] != code || a.json["status"] != float64(status) {
		t.Errorf("got %v\nwant %d %s", a, status, code)
		return
	}
	if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("header of %s: %v", code, h)
	}
	if status == 401 && h.Get("Www-Authenticate") == "" || status == 405 && h.Get("Allow") == "" ||
		(status == 429 || status == 503) && h.Get("Retry-After") == "" {
		t.Errorf("%d without its header: %v", status, h)
	}
	id, _ := a.json["instance"].(string)
	found := p.event(t, strings.TrimPrefix(id, "urn:uuid:"))
	if found == nil {
		t.Errorf("no event for %v", a)
		return
	}
	if found["event"] != event {
		t.Errorf("event %v, want %s", found, event)
	}
	for _, key := range []string{"timestamp", "ip", "userId", "path", "method", "reason"} {
		if _, ok := found[key].(string); !ok {
			t.Errorf("the event of %s has no %s: %v", code, key, found)
		}
	}
	if found["ip"] != "127.0.0.1" {
		t.Errorf("ip %v", found["ip"])
	}
}

// without returns a body with the parts that differ from request to request taken out.
func without(t *testing.T, a answer, names ...string) string {
	t.Helper()
	var body map[string]any
	if err := json.NewDecoder(bytes.NewReader(a.body)).Decode(&body); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		delete(body, name)
	}
	header := a.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Ratelimit"} {
		header.Del(name)
	}
	out, _ := json.Marshal([]any{a.status, header, body})
	return string(out)
}
