package limits

import (
	"os"
	"strings"
	"testing"
)

// page is docs/limits.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pageTable returns the rows of the first table below a heading of the page,
// with its head.
func pageTable(t *testing.T, heading string) [][]string {
	t.Helper()
	_, text, found := strings.Cut(page(t), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("the page has no heading %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "|---"):
		case strings.HasPrefix(line, "|"):
			var cells []string
			for cell := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), " | ") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			rows = append(rows, cells)
		case len(rows) > 0:
			return rows
		}
	}
	if len(rows) < 2 {
		t.Fatalf("no table below %q", heading)
	}
	return rows
}

// TestPage has the comparisons with express-rate-limit as the page has them.
func TestPage(t *testing.T) {
	rows := pageTable(t, "express-rate-limit")
	var want strings.Builder
	for _, c := range comparisons {
		want.WriteString("| " + strings.Join(c.row(), " | ") + " |\n")
	}
	var got strings.Builder
	for _, row := range rows[1:] {
		got.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	if got.String() != want.String() {
		t.Errorf("the page has not these rows:\n%s", want.String())
	}
}

// TestVersions holds the versions that the page names to those that are tested.
func TestVersions(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	npm, err := os.ReadFile("package.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{
		"github.com/go-redis/redis_rate/v10": string(mod), "github.com/redis/go-redis/v9": string(mod), "github.com/go-chi/httprate": string(mod),
		"github.com/go-chi/httprate-redis": string(mod), "github.com/ulule/limiter/v3": string(mod), "github.com/throttled/throttled/v2": string(mod),
		"express-rate-limit": string(npm), "express": string(npm),
	} {
		version := ""
		for line := range strings.Lines(source) {
			words := strings.Fields(strings.NewReplacer(`"`, "", ":", "", ",", "").Replace(strings.TrimPrefix(strings.TrimSpace(line), "require ")))
			if len(words) >= 2 && words[0] == name {
				version = strings.TrimPrefix(words[1], "v")
			}
		}
		short := name[strings.LastIndex(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "/v10"), "/v9"), "/v3"), "/v2"), "/")+1:]
		short, _, _ = strings.Cut(short, "/")
		if version == "" || !strings.Contains(page(t), short+" "+version) {
			t.Errorf("the page does not say %q", short+" "+version)
		}
	}
}
