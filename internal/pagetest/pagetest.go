// Package pagetest compares the blocks of code on a page of the documentation
// with the code that tests run.
package pagetest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fenced are fenced blocks of any language, also within a list.
var fenced = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")

// A Block is a fenced block of a page.
type Block struct {
	Language string // empty if the page does not say it
	Text     string
}

// Blocks returns the blocks of a page in their order. If languages are given,
// blocks of other languages are left out.
func Blocks(t testing.TB, page string, languages ...string) []Block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []Block
	for _, found := range fenced.FindAllStringSubmatch(string(text), -1) {
		if len(languages) == 0 || slices.Contains(languages, found[1]) {
			blocks = append(blocks, Block{Language: found[1], Text: found[2]})
		}
	}
	return blocks
}

// Code is the text of files without indentation.
type Code string

// Read returns the code of the files that match the patterns of
// [filepath.Glob]. If no file matches a pattern, the test fails.
func Read(t testing.TB, patterns ...string) Code {
	t.Helper()
	var code strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Fatalf("there is no file %s", pattern)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			code.WriteString(flat(string(text)))
		}
	}
	return Code(code.String())
}

// Has reports whether the code has the lines of text one after the other. Their
// indentation does not count.
func (c Code) Has(text string) bool { return strings.Contains(string(c), flat(text)) }

// HasBlocks reports each block of a page that the code does not have, and a
// page with fewer blocks than least. It looks at the blocks of [Blocks].
func (c Code) HasBlocks(t testing.TB, page string, least int, languages ...string) {
	t.Helper()
	blocks := Blocks(t, page, languages...)
	if len(blocks) < least {
		t.Errorf("%s: %d blocks found, want at least %d", page, len(blocks), least)
	}
	for _, block := range blocks {
		if !c.Has(block.Text) {
			t.Errorf("%s: nothing here runs this block:\n%s", page, block.Text)
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
