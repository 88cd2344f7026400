package main_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// metrics is where the program serves its metrics, or empty.
func (p *program) metrics() string {
	for _, line := range p.stdout {
		if _, url, ok := strings.Cut(line, "metrics on "); ok {
			return url
		}
	}
	return ""
}

func TestMetricsListener(t *testing.T) {
	for name, args := range map[string][]string{"default": nil, "chosen": {"-metrics=127.0.0.2:0"}, "beside_TLS": {"-tls"}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, args...)
			url := p.metrics()
			if want := map[bool]string{true: "http://127.0.0.2:", false: "http://127.0.0.1:"}[name == "chosen"]; !strings.HasPrefix(url, want) {
				t.Fatalf("metrics on %q, want %s", url, want)
			}
			for path, status := range map[string]int{"/metrics": 200, "/": 404, "/documents": 404, "/metrics/x": 404, "/health": 404} {
				res, err := http.Get(url + path)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != status {
					t.Errorf("%s: %d, want %d", path, res.StatusCode, status)
				}
			}
			// The API has no metrics.
			if name == "default" {
				if a := p.do(t, "GET", "/metrics", ""); a.status != 404 {
					t.Errorf("of the API: %v", a)
				}
			}
			p.cmd.Process.Signal(syscall.SIGTERM)
			<-p.ended
			if conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
				conn.Close()
				t.Error("the metrics are still served")
			}
		})
	}
}

// Without metrics the program goes on, and the log says why they are missing.
func TestMetricsAreNeverFatal(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, addr := range map[string]string{"taken": taken.Addr().String(), "nonsense": "nowhere", "a_name_of_nobody": "nobody.invalid:1"} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "-metrics", addr)
			if p.metrics() != "" {
				t.Errorf("stdout %q", p.stdout)
			}
			if a := p.do(t, "GET", "/health", ""); a.status != 200 {
				t.Errorf("%v", a)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			told := false
			for _, line := range p.stderr {
				var record map[string]any
				if json.Unmarshal([]byte(line), &record) == nil && record["level"] == "ERROR" && strings.Contains(line, "-metrics") {
					told = true
				}
			}
			if !told {
				t.Errorf("stderr does not say that metrics are missing: %q", p.stderr)
			}
		})
	}
}

// An open stream of events ends with the program, in order and in time.
func TestSIGTERMWithAStream(t *testing.T) {
	for name, args := range map[string][]string{"HTTP_1.1": nil, "HTTP_2": {"-tls"}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, args...)
			p.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
			r, err := http.NewRequest("GET", p.url+"/admin/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", p.login(t, "root"))
			res, err := p.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != 200 || (res.ProtoMajor == 2) != (name == "HTTP_2") {
				t.Fatalf("%s %s", res.Proto, res.Status)
			}
			lines := bufio.NewScanner(res.Body)
			for lines.Scan() && !strings.Contains(lines.Text(), "authn_login_success") {
			}
			began := time.Now()
			p.cmd.Process.Signal(syscall.SIGTERM)
			for lines.Scan() {
			}
			if err := lines.Err(); err != nil {
				t.Errorf("the stream was cut off: %v", err)
			}
			<-p.ended
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("exit: %v", err)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
