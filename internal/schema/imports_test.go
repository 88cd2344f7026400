package schema_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// This package knows values. Requests, and what they are answered with, are for
// the layer above.
func TestKnowsNoRequests(t *testing.T) {
	files := glob(t, "*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(name), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			switch path := strings.Trim(spec.Path.Value, `"`); path {
			case "net/http", "github.com/bulwark-go/bulwark", "github.com/bulwark-go/bulwark/internal/body":
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
