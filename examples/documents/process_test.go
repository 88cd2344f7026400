package main_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTLS(t *testing.T) {
	p := start(t, "-tls")
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Fatalf("url %s", p.url)
	}
	p.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	a := p.do(t, "GET", "/health", "")
	if a.status != 200 || a.header.Get("Strict-Transport-Security") != "" {
		t.Errorf("over https: %v, want no HSTS for a loopback name", a)
	}
	alice := p.login(t, "alice")
	p.create(t, alice)
	for _, test := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"TLS_1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"TLS_1.1", &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, false},
		{"TLS_1.2", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, true},
		{"TLS_1.2_CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"TLS_1.2_AES_256", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, false},
		{"TLS_1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.InsecureSkipVerify = true
			conn, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), test.config)
			if (err == nil) != test.ok {
				t.Errorf("handshake: %v", err)
			}
			if conn != nil {
				conn.Close()
			}
		})
	}
}

func TestWrongStarts(t *testing.T) {
	for _, test := range []struct{ name, origins, args, want string }{
		{"origin with a path", "https://app.example.com/", "-addr=127.0.0.1:0", "ALLOWED_ORIGINS"},
		{"null origin", "null", "-addr=127.0.0.1:0", "ALLOWED_ORIGINS"},
		{"wildcard", "*", "-addr=127.0.0.1:0", "ALLOWED_ORIGINS"},
		{"nothing left", " , ", "-addr=127.0.0.1:0", "ALLOWED_ORIGINS"},
		{"password in an origin", "https://u:s3cret@app.example.com", "-addr=127.0.0.1:0", "ALLOWED_ORIGINS"},
		{"argument", "", "false", "unexpected argument"},
		{"address", "", "-addr=nowhere", "nowhere"},
		{"idle too short", "", "-addr=127.0.0.1:0 -idle=59s", "session.Idle"},
		{"idle longer than a login", "", "-addr=127.0.0.1:0 -idle=169h", "session.Idle"},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			cmd := exec.Command(binary, strings.Fields(test.args)...)
			cmd.Env = append(os.Environ(), "ALLOWED_ORIGINS="+test.origins)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			err := cmd.Run()
			if err == nil || cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("exit: %v", err)
			}
			for line := range strings.Lines(stderr.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
			}
			if !strings.Contains(stderr.String(), test.want) || strings.Contains(stderr.String(), "s3cret") {
				t.Errorf("stderr %s, want %s and no secret", stderr.String(), test.want)
			}
		})
	}
}

// A client that never ends its request does not keep the program from stopping in order.
func TestSIGTERMWithAStalledClient(t *testing.T) {
	p := start(t)
	alice := p.login(t, "alice")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{", alice)
	// Another request shows that the first has arrived.
	p.do(t, "GET", "/health", "")
	began := time.Now()
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
}

// What is no login is not counted as a failed one: any page can send garbage.
func TestGarbageDoesNotLockOut(t *testing.T) {
	p := start(t)
	for range 15 {
		r, _ := http.NewRequest("POST", p.url+"/api/auth/login", strings.NewReader("x"))
		r.Header.Set("Content-Type", "text/plain")
		if a := p.send(t, r); a.status != 415 {
			t.Fatalf("garbage: %v", a)
		}
		r, _ = http.NewRequest("POST", p.url+"/api/auth/login", strings.NewReader(`{"email":"alice@example.com","password":"wrong password"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if a := p.send(t, r); a.status != 403 {
			t.Fatalf("cross-site: %v", a)
		}
	}
	p.login(t, "alice")
}

// One event tells of one refusal, and the page under any of our names is ours.
func TestOneEventEach(t *testing.T) {
	p := start(t)
	names := func(a answer) (names []string) {
		id := a.header.Get("X-Request-Id")
		p.do(t, "GET", "/nowhere", "", "X-Marker", id) // records are written in order
		for wait := time.Now().Add(patience); time.Now().Before(wait); time.Sleep(5 * time.Millisecond) {
			p.mu.Lock()
			lines := strings.Join(p.stderr, "\n")
			p.mu.Unlock()
			names = nil
			for line := range strings.Lines(lines) {
				var event map[string]any
				if json.Unmarshal([]byte(line), &event) == nil && event["requestId"] == id {
					names = append(names, fmt.Sprint(event["event"]))
				}
			}
			if len(names) > 0 {
				time.Sleep(50 * time.Millisecond)
				return names
			}
		}
		return nil
	}
	if got := names(p.do(t, "GET", "/documents", "", "Cookie", "__Host-access=x")); len(got) != 1 || got[0] != "authn_token_invalid" {
		t.Errorf("a bad cookie leaves %v", got)
	}
	local := strings.Replace(p.url, "127.0.0.1", "localhost", 1)
	a := p.do(t, "POST", "/api/auth/login", `{"email":"alice@example.com","password":"`+password+`"}`,
		"Host", strings.TrimPrefix(local, "http://"), "Origin", local, "Sec-Fetch-Site", "same-origin")
	if got := names(a); a.status != 200 || strings.Contains(fmt.Sprint(got), "malicious_cors") {
		t.Errorf("the page at %s: %v, events %v", local, a, got)
	}
	if got := names(p.do(t, "GET", "/documents", "", "Origin", "https://evil.example")); !strings.Contains(fmt.Sprint(got), "malicious_cors") {
		t.Errorf("a refused origin leaves %v", got)
	}
	r, _ := http.NewRequest("OPTIONS", p.url, nil)
	r.URL.Opaque, r.URL.Path = "*", ""
	if a := p.send(t, r); a.status != 404 && a.status != 405 || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("OPTIONS *: %v", a)
	}
}
