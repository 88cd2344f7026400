package audit_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
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
