package metrics_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/audit/metrics"
)

type dashboard struct {
	Title         string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []struct {
		ID                       int
		Type, Title, Description string
		Datasource               struct{ UID string }
		GridPos                  struct{ H, W, X, Y int }
		Targets                  []struct {
			Expr       string
			Datasource struct{ UID string }
		}
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	if d.Title == "" || d.SchemaVersion < 36 {
		t.Errorf("title %q, schemaVersion %d", d.Title, d.SchemaVersion)
	}
	if len(d.Templating.List) == 0 || d.Templating.List[0].Name != "datasource" || d.Templating.List[0].Type != "datasource" {
		t.Errorf("variables %v", d.Templating.List)
	}
	ids, rows := map[int]bool{}, []string{}
	for _, panel := range d.Panels {
		if ids[panel.ID] {
			t.Errorf("id %d is there twice", panel.ID)
		}
		ids[panel.ID] = true
		if panel.Type == "row" {
			rows = append(rows, panel.Title)
			continue
		}
		if panel.Description == "" || panel.Title == "" || len(panel.Targets) == 0 {
			t.Errorf("panel %d (%s) has no title, no description or no expression", panel.ID, panel.Title)
		}
		for _, target := range panel.Targets {
			if panel.Datasource.UID != "${datasource}" || target.Datasource.UID != "${datasource}" {
				t.Errorf("panel %d does not use the variable datasource", panel.ID)
			}
		}
	}
	if want := []string{"Overview", "Authentication", "Authorization", "Limits", "Payloads and anomalies", "Audit health", "Latency"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	for i, a := range d.Panels {
		for _, b := range d.Panels[:i] {
			p, q := a.GridPos, b.GridPos
			if p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H {
				t.Errorf("panels %d and %d overlap", b.ID, a.ID)
			}
		}
	}
}

// identifier is a word that may be a metric, with the character after it.
var identifier = regexp.MustCompile(`\b([a-z]+(?:_[a-z0-9]+)+)(\W|$)`)

// metricNames returns the metrics of an expression.
func metricNames(expression string) (found []string) {
	expression = regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expression, `""`)
	for _, match := range identifier.FindAllStringSubmatch(expression, -1) {
		if match[2] != "(" { // a function
			found = append(found, match[1])
		}
	}
	return found
}

// shown are the names of metrics on the page of a collector.
func shown(t *testing.T, c metrics.Config) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for line := range strings.Lines(page(t, c)) {
		if !strings.HasPrefix(line, "#") {
			all[line[:strings.IndexAny(line, "{ ")]] = true
		}
	}
	return all
}

// Prometheus reads each expression of the dashboard, and the page has each of
// its metrics.
func TestExpressionsOfTheDashboard(t *testing.T) {
	known := shown(t, everything(t))
	variables := strings.NewReplacer("$__rate_interval", "1m", "$__interval", "1m", "$job", ".*")
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	checked := 0
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			expression := variables.Replace(target.Expr)
			if strings.Contains(expression, "$") {
				t.Errorf("panel %d has an unknown variable: %s", panel.ID, expression)
			}
			fmt.Fprintf(&rules, "      - record: panel_%d_%d\n        expr: %q\n", panel.ID, checked, expression)
			checked++
			for _, name := range metricNames(expression) {
				if !known[name] {
					t.Errorf("panel %d has the metric %s, which the page does not have", panel.ID, name)
				}
			}
		}
	}
	if checked < 25 {
		t.Errorf("only %d expressions", checked)
	}
	name := filepath.Join(t.TempDir(), "dashboard.yml")
	write(t, name, rules.String())
	if said, err := promtool(t, "", "check", "rules", name); err != nil || !strings.Contains(said, fmt.Sprint(checked, " rules found")) {
		t.Errorf("check rules: %v\n%s", err, said)
	}
}

// The page has each metric of the alerts and of their tests, with each label
// and value.
func TestMetricsOfTheAlerts(t *testing.T) {
	known := shown(t, everything(t))
	rules, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, match := range regexp.MustCompile(`(?s) expr: (.*?)\n        (?:for|labels):`).FindAllStringSubmatch(string(rules), -1) {
		expression := regexp.MustCompile(`(by|on|ignoring) \([^)]*\)`).ReplaceAllString(match[1], "")
		for _, name := range metricNames(expression) {
			found++
			if !known[name] {
				t.Errorf("an alert has the metric %s, which the page does not have", name)
			}
		}
	}
	if found < 18 {
		t.Errorf("only %d metrics", found)
	}
	tests, err := os.ReadFile("alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := page(t, everything(t))
	for _, match := range regexp.MustCompile(`- series: '(\w+)\{([^']*)\}'`).FindAllStringSubmatch(string(tests), -1) {
		if !known[match[1]] {
			t.Errorf("a test has the metric %s, which the page does not have", match[1])
		}
		for _, label := range strings.Split(match[2], ",") {
			name, _, _ := strings.Cut(label, "=")
			if name != "job" && name != "instance" && label != `sink="Sinks[1]"` && !regexp.MustCompile(`(?m)^`+match[1]+`\{[^\n]*`+regexp.QuoteMeta(label)).MatchString(text) {
				t.Errorf("a test has %s{%s}, which the page does not have", match[1], label)
			}
		}
	}
}

// everything is a Config with which a collector shows all metrics.
func everything(t *testing.T) metrics.Config {
	t.Helper()
	c := config
	c.Policies = append(slices.Clone(c.Policies), "login")
	c.Trail = trailTo(t, io.Discard)
	return c
}
