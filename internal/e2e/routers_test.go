package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePageShowsThisCode finds each block of docs/routers.md among the code
// that the tests here run, except for its indentation.
func TestThePageShowsThisCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/routers.md")
	if err != nil {
		t.Fatal(err)
	}
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
	blocks := regexp.MustCompile("(?s)```[a-z]+\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 36 {
		t.Errorf("only %d blocks found", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(code.String(), flat(block[1])) {
			t.Errorf("nothing here runs this code of the page:\n%s", block[1])
		}
	}
}

// flat is text without indentation, and ends with a line.
func flat(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		lines.WriteString(strings.TrimSpace(line) + "\n")
	}
	return lines.String()
}
