package guide

import (
	"os"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// TestThePageShowsThisCode finds each block of the page in what runs here: the
// guide's way in theirs.js, ours in the tests.
func TestThePageShowsThisCode(t *testing.T) {
	code := pagetest.Read(t, "*_test.go", "theirs.js")
	count := map[string]int{}
	for _, block := range pagetest.Blocks(t, "../../../docs/from-the-guide.md") {
		count[block.Language]++
		if !code.Has(block.Text) {
			t.Errorf("nothing here runs this block of %s:\n%s", block.Language, block.Text)
		}
	}
	if count["js"] < 8 || count["go"] < 18 || len(count) > 5 {
		t.Errorf("the page has %v blocks", count)
	}
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
