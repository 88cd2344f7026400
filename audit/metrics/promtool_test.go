package metrics_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"net/http/httptest"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/metrics"
)

// promtool runs the program of that name, and returns what it prints. The test
// is skipped if the program is missing, unless BULWARK_PROMETHEUS is "required",
// and where tests are to be short: it runs nothing of ours.
func promtool(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	if testing.Short() {
		t.Skip("promtool runs nothing of ours")
	}
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("BULWARK_PROMETHEUS") == "required" {
			t.Fatal("promtool is missing: install the Debian package prometheus")
		}
		t.Skip("promtool is missing")
	}
	command := exec.CommandContext(t.Context(), "promtool", args...)
	command.Stdin = strings.NewReader(input)
	said, err := command.CombinedOutput()
	return string(said), err
}

// alertNames are the alerts of alerts.yml.
func alertNames(t *testing.T) []string {
	t.Helper()
	rules, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(string(rules), -1) {
		names = append(names, match[1])
	}
	if len(names) < 12 {
		t.Fatalf("only %d alerts", len(names))
	}
	return names
}

func TestAlerts(t *testing.T) {
	if said, err := promtool(t, "", "check", "rules", "alerts.yml"); err != nil {
		t.Errorf("check rules: %v\n%s", err, said)
	}
	if said, err := promtool(t, "", "test", "rules", "alerts_test.yml"); err != nil {
		t.Errorf("test rules: %v\n%s", err, said)
	}
	tests, err := os.ReadFile("alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range alertNames(t) {
		for _, state := range []string{"fires", "is quiet"} {
			if !strings.Contains(string(tests), "- name: '"+alert+" "+state+": ") {
				t.Errorf("alerts_test.yml has no test in which %s %s", alert, state)
			}
		}
	}
}

// If the alerts never fire, or always, the tests of each alert in
// alerts_test.yml fail.
func TestEachAlertIsTested(t *testing.T) {
	rules, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	expression := regexp.MustCompile(`(?s)( +expr: ).*?(\n        (?:for|labels):)`)
	for _, broken := range []struct{ name, expression, fault string }{
		{"never", "vector(0) > 1", `exp: \{[^\n]*alertname="%s"[^\n]*\n +got: nil`},
		{"always", "vector(1)", `exp: nil\n +got: \{[^\n]*alertname="%s"`},
	} {
		t.Run(broken.name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, filepath.Join(folder, "alerts_test.yml"), string(tests))
			write(t, filepath.Join(folder, "alerts.yml"), expression.ReplaceAllString(string(rules), "${1}"+broken.expression+"${2}"))
			said, err := promtool(t, "", "test", "rules", filepath.Join(folder, "alerts_test.yml"))
			if err == nil {
				t.Error("the tests pass")
			}
			for _, alert := range alertNames(t) {
				if !regexp.MustCompile(fmt.Sprintf(broken.fault, alert)).MatchString(said) {
					t.Errorf("no test of %s fails", alert)
				}
			}
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// page is the page that Prometheus scrapes.
func page(t *testing.T, c metrics.Config) string {
	t.Helper()
	collector, registry := made(t, c)
	layer, err := audit.New(audit.Config{Observers: []bulwark.Recorder{collector}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = layer.Shutdown(context.Background()) })
	for _, name := range []string{"edge", "auth"} {
		if _, err := collector.Timed(name, nothing).Build(); err != nil {
			t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestThePage(t *testing.T) {
	if said, err := promtool(t, page(t, config), "check", "metrics"); err != nil || said != "" {
		t.Errorf("check metrics: %v\n%s", err, said)
	}
	// promtool reads the plain name as well, and says nothing else about it.
	plain := config
	plain.PlainNames = true
	if said, err := promtool(t, page(t, plain), "check", "metrics"); err != nil || said != "" {
		t.Errorf("check metrics: %v\n%s", err, said)
	}
}
