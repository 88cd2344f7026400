package schema_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// editors are words that only describe a schema to an editor. The comment names
// some of them.
var editors = []string{"enumDescriptions", "markdownEnumDescriptions", "enumItemLabels", "errorMessage", "patternErrorMessage",
	"deprecationMessage", "doNotSuggest", "suggestSortText", "allowComments", "allowTrailingCommas", "tsType"}

// The package comment of validate lists every keyword and format, and every
// code of a fault.
func TestDocumentationListsEveryWord(t *testing.T) {
	text, err := os.ReadFile("../../validate/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`[$a-zA-Z0-9_-]+`).FindAllString(string(text), -1)
	for _, word := range slices.Concat(schema.Keywords(), schema.FormatNames(), schema.Codes()) {
		if !slices.Contains(listed, word) && !slices.Contains(editors, word) {
			t.Errorf("the comment does not list %q", word)
		}
	}
	// It lists no other words.
	for _, list := range []string{"Keywords that are checked:", "Formats:"} {
		_, after, _ := strings.Cut(string(text), "// "+list+"\n")
		after, _, found := strings.Cut(after, ".\n//\n")
		if !found {
			t.Fatalf("there is no list %q", list)
		}
		for _, item := range strings.Split(after, "//   - ")[1:] {
			_, words, _ := strings.Cut(strings.ReplaceAll(item, "\n//", " "), ":")
			for _, word := range strings.Split(strings.TrimRight(strings.TrimSpace(words), ";"), ",") {
				word, _, _ = strings.Cut(strings.TrimSpace(word), " (")
				if word != "Config.Formats" && !slices.Contains(schema.Keywords(), word) && !slices.Contains(schema.FormatNames(), word) {
					t.Errorf("the comment lists %q under %q", word, list)
				}
			}
		}
	}
}
