package guide

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// blocks are fenced blocks of the page.
var blocks = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// TestThePageShowsThisCode finds each block of the page in what runs here: the
// guide's way in theirs.js, ours in the tests.
func TestThePageShowsThisCode(t *testing.T) {
	page, err := os.ReadFile("../../../docs/from-the-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range append(names, "theirs.js") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.WriteString(flat(string(text)))
	}
	count := map[string]int{}
	for _, block := range blocks.FindAllStringSubmatch(string(page), -1) {
		count[block[1]]++
		if !strings.Contains(code.String(), flat(block[2])) {
			t.Errorf("nothing here runs this block of %s:\n%s", block[1], block[2])
		}
	}
	if count["js"] < 8 || count["go"] < 18 || len(count) > 5 {
		t.Errorf("the page has %v blocks", count)
	}
}

// flat is text without indentation. It ends with the end of a line.
func flat(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		lines.WriteString(strings.TrimSpace(line) + "\n")
	}
	return lines.String()
}

// tables returns the rows of the tables of the page below a heading, without
// their head.
func tables(t *testing.T, heading string) [][]string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/from-the-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("the page has no heading %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 2 {
		t.Fatalf("no table below %q", heading)
	}
	return rows[1:]
}
