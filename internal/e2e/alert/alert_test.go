package alert

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// guideRule is the alert of the guide, word for word.
const guideRule = `groups:
- name: guide
  rules:
  - alert: HighAuthFailures
    expr: rate(auth_failures[5m]) > 10
    for: 2m
    labels:
      severity: critical
`

// patience is how long a condition may take to come true. It is generous: on a
// machine that does other work, only a fault takes that long.
const patience = 90 * time.Second

// run runs a program until the test ends, unless its pipe failed.
func run(t *testing.T, cmd *exec.Cmd, err error) {
	t.Helper()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
}

// serve runs the example until the test ends, and returns the URLs of the API
// and of its metrics.
func serve(t *testing.T) (api, metrics string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "documents")
	build := exec.Command("go", "build", "-o", binary, "./examples/documents")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "-addr=127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	run(t, cmd, err)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, at, ok := strings.Cut(lines.Text(), "metrics on "); ok {
			metrics = at
		}
		if _, at, ok := strings.Cut(lines.Text(), "listening on "); ok {
			go io.Copy(io.Discard, stdout)
			return at, metrics
		}
	}
	t.Fatal("the program did not say where it listens")
	return "", ""
}

// A watch is a Prometheus that scrapes one program and knows two groups of
// rules: the alert of the guide, and the alerts of audit/metrics.
type watch struct {
	t   *testing.T
	url string
}

// prometheus starts a Prometheus for the program whose metrics are at target.
func prometheus(t *testing.T, target string) *watch {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("BULWARK_PROMETHEUS") == "required" {
			t.Fatalf("prometheus is not installed: %v", err)
		}
		t.Skipf("prometheus is not installed: %v", err)
	}
	dir := t.TempDir()
	ours, err := os.ReadFile("../../../audit/metrics/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"guide.yml":  guideRule,
		"alerts.yml": string(ours),
		"prometheus.yml": fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [guide.yml, alerts.yml]
scrape_configs:
- job_name: documents
  static_configs: [{targets: [%q]}]
`, at.Host),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	run(t, cmd, err)
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	var said bytes.Buffer
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go io.Copy(io.Discard, stderr)
			return &watch{t: t, url: "http://" + found[1]}
		}
	}
	t.Fatalf("Prometheus does not listen:\n%s", said.String())
	return nil
}

// ask reads one answer of the HTTP API into data. It reports whether Prometheus
// was ready to answer.
func (p *watch) ask(path string, data any) bool {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusServiceUnavailable {
		return false
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Status != "success" {
		p.t.Fatalf("%s: %d %v %s", path, res.StatusCode, err, answer.Error)
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		p.t.Fatal(err)
	}
	return true
}

// value is the value of an expression that has one series, or NaN text.
func (p *watch) value(expression string) (value float64, found bool) {
	p.t.Helper()
	var answer struct {
		Result []struct {
			Value [2]any
		}
	}
	if !p.ask("/api/v1/query?query="+url.QueryEscape(expression), &answer) || len(answer.Result) != 1 {
		return 0, false
	}
	text, _ := answer.Result[0].Value[1].(string)
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return value, true
}

// firing returns how often each alert fires, by group and name.
func (p *watch) firing() map[string]bool {
	p.t.Helper()
	var answer struct {
		Groups []struct {
			Name  string
			Rules []struct{ Name, State, Health, LastError string }
		}
	}
	fires := map[string]bool{}
	if !p.ask("/api/v1/rules?type=alert", &answer) {
		return fires
	}
	for _, group := range answer.Groups {
		for _, rule := range group.Rules {
			if rule.Health == "err" {
				p.t.Fatalf("%s: %s", rule.Name, rule.LastError)
			}
			if rule.State == "firing" {
				fires[group.Name+"/"+rule.Name] = true
			}
		}
	}
	return fires
}

// until waits for a condition.
func (p *watch) until(what string, limit time.Duration, condition func() bool) {
	p.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Second) {
		if condition() {
			return
		}
	}
	p.t.Fatalf("%s: not after %s; firing: %v", what, limit, p.firing())
}

// guess sends one wrong password for an account name from an address, and
// returns the status.
func guess(client *http.Client, target, email string) (int, error) {
	body := fmt.Sprintf(`{"email":%q,"password":"not this one"}`, email)
	res, err := client.Post(target+"/api/auth/login", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode, nil
}

// from is a client that connects from a loopback address.
func from(address net.IP) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: address}}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1}}
}

// Hundreds of addresses guess at many account names. Each stays below every
// limit by address, and the alert of the guide fires.
func TestTheGuidesAlertFires(t *testing.T) {
	const addresses, each = 400, 9
	target, metrics := serve(t)
	p := prometheus(t, metrics)
	p.until("the first scrape", patience, func() bool {
		value, found := p.value("auth_failures")
		return found && value == 0
	})
	if fires := p.firing(); len(fires) > 0 {
		t.Fatalf("fires before anything has happened: %v", fires)
	}

	var next, refused atomic.Int64
	var workers sync.WaitGroup
	for range 4 { // as many passwords as the program hashes at once
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= addresses {
					return
				}
				client := from(net.IPv4(127, 7, byte(i/200), byte(1+i%200)))
				for n := range each {
					status, err := guess(client, target, fmt.Sprintf("person%d@example.com", i*each+n))
					if err != nil {
						t.Error(err)
						return
					}
					if status == http.StatusUnauthorized {
						refused.Add(1)
					}
				}
				client.CloseIdleConnections()
			}
		})
	}
	workers.Wait()
	if n := refused.Load(); n != addresses*each {
		t.Fatalf("%d of %d guesses were answered 401", n, addresses*each)
	}
	p.until("the counts", patience, func() bool {
		bare, _ := p.value("auth_failures")
		sum, _ := p.value(`sum(auth_failures_total{method="password"})`)
		return bare == addresses*each && sum == addresses*each
	})
	p.until("the alerts", 5*time.Minute, func() bool {
		fires := p.firing()
		return fires["guide/HighAuthFailures"] && fires["bulwark_authentication/HighAuthFailures"]
	})
}
