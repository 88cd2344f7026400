package headers_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/headers"
)

// The package comment and the comment of API list the headers of the zero
// Config. A reader takes them for what goes out.
func TestDocumentedHeaders(t *testing.T) {
	sent := get(t, "https://api.example.com/", nothing, headers.Config{})
	var want []string
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		want = append(want, name+": "+sent.Get(name))
	}
	for file, before := range map[string]string{"doc.go": "It sends seven headers", "preset.go": "API is the default"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := listedAfter(string(text), before)
		if !slices.Equal(got, want) {
			t.Errorf("%s lists %q, and %q goes out", file, got, want)
		}
	}
}

// listedAfter returns the lines of the first block of headers in a comment after
// some words.
func listedAfter(text, words string) []string {
	_, text, _ = strings.Cut(text, words)
	var list []string
	for line := range strings.Lines(text) {
		line, block := strings.CutPrefix(strings.TrimLeft(line, "\t"), "//\t")
		if block {
			list = append(list, strings.TrimSpace(line))
		} else if len(list) > 0 {
			break
		}
	}
	return list
}
