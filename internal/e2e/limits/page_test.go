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
