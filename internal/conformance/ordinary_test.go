package conformance_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var ordinaryFolder = filepath.Join("..", "..", "sanitize", "testdata")

// ordinaryFiles are the texts that people write, by file. A line is a text. Of
// each line, script says what most of its letters are.
var ordinaryFiles = []struct {
	file, script string
	table        *unicode.RangeTable
}{
	{"english", "Latin", unicode.Latin},
	{"german", "Latin", unicode.Latin},
	{"french", "Latin", unicode.Latin},
	{"spanish", "Latin", unicode.Latin},
	{"turkish", "Latin", unicode.Latin},
	{"vietnamese", "Latin", unicode.Latin},
	{"russian", "Cyrillic", unicode.Cyrillic},
	{"ukrainian", "Cyrillic", unicode.Cyrillic},
	{"greek", "Greek", unicode.Greek},
	{"arabic", "Arabic", unicode.Arabic},
	{"hebrew", "Hebrew", unicode.Hebrew},
	{"hindi", "Devanagari", unicode.Devanagari},
	{"thai", "Thai", unicode.Thai},
	{"chinese", "Han", unicode.Han},
	{"japanese", "Kana and Han", unicode.Hiragana},
	{"korean", "Hangul", unicode.Hangul},
	{"georgian", "Georgian", unicode.Georgian},
	{"armenian", "Armenian", unicode.Armenian},
}

// ordinaryCorpus is the texts of all files. The family is the script.
func ordinaryCorpus(t testing.TB) (c corpus) {
	t.Helper()
	for _, f := range ordinaryFiles {
		for i, line := range lines(t, filepath.Join("ordinary", f.file+".txt")) {
			c.add(single("ordinary text", f.script, f.file+":"+strconv.Itoa(i+1), false, line))
		}
	}
	return c
}

// messageCorpus is messages of two to four lines of a file, as people write them
// into a form. Which lines they are is always the same.
func messageCorpus(t testing.TB) (c corpus) {
	t.Helper()
	const each = 8
	for _, f := range ordinaryFiles {
		source := rand.New(rand.NewPCG(1, 2))
		list := lines(t, filepath.Join("ordinary", f.file+".txt"))
		for i := range each * len(list) {
			var message []string
			for range 2 + source.IntN(3) {
				message = append(message, list[source.IntN(len(list))])
			}
			c.add(single("ordinary messages", f.script, f.file+":message-"+strconv.Itoa(i+1), false, strings.Join(message, "\r\n")))
		}
	}
	return c
}

// codeCorpus is source text, in which findings are expected.
func codeCorpus(t testing.TB) (c corpus) {
	t.Helper()
	for i, line := range lines(t, "code.txt") {
		c.add(single("code", "code", "code:"+strconv.Itoa(i+1), false, line))
	}
	return c
}

func lines(t testing.TB, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(ordinaryFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// The corpus is what it says: at least ten scripts with at least forty lines,
// no line twice, and each file in its own script.
func TestOrdinaryText(t *testing.T) {
	count, seen := make(map[string]int), make(map[string]string)
	for _, f := range ordinaryFiles {
		own := 0
		for i, line := range lines(t, filepath.Join("ordinary", f.file+".txt")) {
			at := f.file + ":" + strconv.Itoa(i+1)
			if line == "" || line != strings.TrimSpace(line) {
				t.Errorf("%s is empty or has white space at an end", at)
			}
			if before, ok := seen[line]; ok {
				t.Errorf("%s is also %s", at, before)
			}
			seen[line] = at
			count[f.script]++
			if strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(f.table, r) }) {
				own++
			}
		}
		if len(lines(t, filepath.Join("ordinary", f.file+".txt")))/2 > own {
			t.Errorf("%s has only %d lines in its script", f.file, own)
		}
	}
	if len(count) < 10 {
		t.Errorf("the texts are in %d scripts", len(count))
	}
	for script, n := range count {
		if n < 40 {
			t.Errorf("%s has %d lines", script, n)
		}
	}
}
