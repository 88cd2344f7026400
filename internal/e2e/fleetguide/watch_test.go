package fleetguide

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/redisstore"
)

const fleetAlerts = `
groups:
  - name: fleet
    rules:
      - alert: StoreDown
        expr: sum(increase(security_events_total{event="sys_unavailable"}[5m])) > 0
        for: 1m
        labels: {severity: page}
        annotations:
          summary: A store does not answer. Requests are refused with 503, or limits are counted by each process alone.
      - alert: OneLoginTwoPeople
        expr: sum(increase(security_events_total{event="authn_token_reuse"}[15m])) > 0
        labels: {severity: page}
        annotations:
          summary: A refresh token was used twice, at one process or at two.
`

func TestTheAlerts(t *testing.T) {
	collector, err := metrics.New(metrics.Config{Policies: []string{"address", "caller"}})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	server := redis(t, limitsConf)
	common := alone()
	common.Observer = collector
	common.Limits = patient(t, server, random(), redisstore.Local, 2)
	p := run(t, common)
	counts := map[string]float64{}
	read := func() {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() != "security_events_total" {
				continue
			}
			for _, one := range family.GetMetric() {
				counts[one.GetLabel()[0].GetValue()] = one.GetCounter().GetValue()
			}
		}
	}
	if read(); counts["sys_unavailable"] != 0 {
		t.Fatalf("before the outage: %v", counts)
	}
	if _, there := counts["authn_token_reuse"]; !there {
		t.Error("there is no event authn_token_reuse")
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the outage is counted", func() bool {
		p.ask()
		read()
		return counts["sys_unavailable"] > 0
	})

	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("BULWARK_PROMETHEUS") == "required" {
			t.Fatal("promtool is missing, and BULWARK_PROMETHEUS is required")
		}
		t.Skip("promtool is missing: install prometheus (apt-get install prometheus)")
	}
	file := filepath.Join(t.TempDir(), "fleet.yml")
	if err := os.WriteFile(file, []byte(fleetAlerts), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil || !strings.Contains(string(text), "2 rules found") {
		t.Errorf("%v: %s", err, text)
	}
}
