package audit_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// Whoever writes an alert finds each name of an event in the table of the
// package documentation.
func TestCaseAudit8EveryEventIsInTheTable(t *testing.T) {
	names, err := os.ReadFile("../eventname.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "# Events")
	table, _, _ = strings.Cut(table, "# Not covered")
	found := regexp.MustCompile(`EventName = "([a-z0-9_]+)"`).FindAllStringSubmatch(string(names), -1)
	if len(found) < 30 {
		t.Fatalf("%d names", len(found))
	}
	for _, name := range found {
		if name[1] != "no_event" && !regexp.MustCompile(`\b`+name[1]+`\b`).MatchString(table) {
			t.Errorf("%s is missing", name[1])
		}
	}
}

// The records in the package documentation have the keys of real ones, in their
// order.
func TestDocumentedRecords(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, block := range strings.Split(string(doc), "\n//\n") {
		if block = strings.ReplaceAll(block, "//\t", ""); strings.HasPrefix(block, `{"time"`) {
			documented = append(documented, block)
		}
	}
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
	mux := http.NewServeMux()
	mux.Handle("GET /documents/{id}", as("alice", deny(bulwark.Problem{Status: http.StatusForbidden, Code: "authz.forbidden"})))
	m.Wrap(mux).ServeHTTP(httptest.NewRecorder(), request("GET", "/documents/42"))
	drain(t, m)
	written := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(documented) != 2 || len(written) != 2 {
		t.Fatalf("%d records are documented, and %d are written", len(documented), len(written))
	}
	for i := range documented {
		got, want := keysOf(t, documented[i]), keysOf(t, written[i])
		if !slices.Equal(got, want) {
			t.Errorf("documented is %v, written is %v", got, want)
		}
	}
}

// keysOf returns the keys of a JSON object in their order.
func keysOf(t *testing.T, object string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	d.Token()
	var keys []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatalf("%v in %s", err, object)
		}
		keys = append(keys, key.(string))
		var value any
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%v in %s", err, object)
		}
	}
	return keys
}
