package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are the pages of docs/ whose blocks this package runs, with the number
// of blocks that each has at least.
var pages = map[string]int{
	"browser-app.md": 3,
	"fields.md":      7,
	"objects.md":     12,
	"recipes.md":     38,
	"one-route.md":   19,
	"rotation.md":    11,
	"metrics.md":     7,
	"overload.md":    2,
	"own-store.md":   17,
	"sessions.md":    9,
	"tenants.md":     7,
	"testing.md":     22,
	"tokens.md":      11,
	"trail.md":       8,
}

// blocks are fenced blocks of a page, of any language, also within a list.
var blocks = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")

// TestThePagesShowThisCode finds each block of the pages among the files of
// this folder, but for its indentation: code in the tests themselves, and what
// a program prints or reads in the values that the tests compare with.
func TestThePagesShowThisCode(t *testing.T) {
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
	for name, least := range pages {
		page, err := os.ReadFile(filepath.Join("../../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		found := blocks.FindAllStringSubmatch(string(page), -1)
		if len(found) < least {
			t.Errorf("%s: %d blocks found, want at least %d", name, len(found), least)
		}
		for _, block := range found {
			if !strings.Contains(code.String(), flat(block[2])) {
				t.Errorf("%s: nothing here runs this block:\n%s", name, block[2])
			}
		}
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
