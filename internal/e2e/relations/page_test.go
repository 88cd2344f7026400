package relations

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var blocks = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")

// TestThePageShowsThisCode finds each block of the page among the files of this
// folder, but for its indentation.
func TestThePageShowsThisCode(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.WriteString(flat(string(text)))
	}
	page, err := os.ReadFile("../../../docs/engines.md")
	if err != nil {
		t.Fatal(err)
	}
	found := blocks.FindAllStringSubmatch(string(page), -1)
	if len(found) < 9 {
		t.Errorf("%d blocks found, want at least 9", len(found))
	}
	for _, block := range found {
		if !strings.Contains(code.String(), flat(block[2])) {
			t.Errorf("nothing here runs this block:\n%s", block[2])
		}
	}
}

func flat(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		lines.WriteString(strings.TrimSpace(line) + "\n")
	}
	return lines.String()
}
