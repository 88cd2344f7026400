package bulwark_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bulwark-go/bulwark"

// layers are the packages that must not know each other.
var layers = []string{"auth", "authz", "validate", "sanitize", "ratelimit", "headers", "cors", "audit"}

// below are the packages that the root itself may import, because they import
// the standard library only.
var below = []string{"internal/logtext", "internal/member", "internal/nat64", "internal/representation", "internal/response", "internal/shutdown", "internal/token"}

// confined names, for each third-party module, the one folder that may import
// it, in one file where single is set.
var confined = map[string]struct {
	folder string
	single bool
}{
	"github.com/lestrrat-go/jwx":            {"internal/jose", true},
	"github.com/santhosh-tekuri/jsonschema": {"internal/schema", true},
	"github.com/microcosm-cc/bluemonday":    {"sanitize", true},
	"github.com/corazawaf/libinjection-go":  {"sanitize", true},
	"github.com/rs/cors":                    {"cors", true},
	"go.uber.org/zap":                       {"audit/zaplog", false},
	"github.com/prometheus":                 {"audit/metrics", false},
}

// importFaults says what a file in folder must not import.
func importFaults(folder string, imports []string) []string {
	var faults []string
	layer, _, _ := strings.Cut(folder, "/")
	for _, imported := range imports {
		inner, ours := strings.CutPrefix(imported, module+"/")
		sibling, _, _ := strings.Cut(inner, "/")
		standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
		switch {
		case folder == "." && !standard && !slices.Contains(below, inner):
			faults = append(faults, "the root imports "+imported+"; it may import the standard library and "+strings.Join(below, ", "))
		case slices.Contains(below, folder) && !standard && !slices.Contains(below, inner):
			faults = append(faults, folder+" imports "+imported+"; it serves the root, and imports the standard library only")
		case ours && slices.Contains(layers, layer) && slices.Contains(layers, sibling) && sibling != layer:
			faults = append(faults, folder+" imports its sibling "+sibling)
		case ours && layer == "internal" && slices.Contains(layers, sibling) && !strings.HasPrefix(folder, "internal/bench"):
			faults = append(faults, folder+" imports the layer "+sibling+" that stands above it")
		}
		for prefix, home := range confined {
			if strings.HasPrefix(imported, prefix) && folder != home.folder {
				faults = append(faults, folder+" imports "+imported+", which belongs in "+home.folder)
			}
		}
	}
	return faults
}

func TestImports(t *testing.T) {
	users := map[string][]string{} // third-party module: files that import it
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == ".git" || name == "examples" {
				return fs.SkipDir
			}
			if _, err := os.Stat(path.Join(name, "go.mod")); name != "." && err == nil {
				return fs.SkipDir // a module of its own may import what it compares with
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			imports = append(imports, imported)
			for prefix := range confined {
				if strings.HasPrefix(imported, prefix) && !slices.Contains(users[prefix], name) {
					users[prefix] = append(users[prefix], name)
				}
			}
		}
		for _, fault := range importFaults(path.Dir(name), imports) {
			t.Errorf("%s: %s", name, fault)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, files := range users {
		if confined[prefix].single && len(files) > 1 {
			t.Errorf("%s is imported by %v; keep it in one file", prefix, files)
		}
	}
}

// TestImportFaults shows that the rules above can fail.
func TestImportFaults(t *testing.T) {
	for _, test := range []struct {
		folder, imported string
		faults           int
	}{
		{".", "net/http", 0},
		{".", "golang.org/x/text/unicode/norm", 1},
		{".", module + "/internal/jsondoc", 1},
		{".", module + "/internal/logtext", 0},
		{"internal/logtext", module, 1},
		{"internal/token", "unicode", 0},
		{"internal/fault", module, 0},
		{"auth", module, 0},
		{"auth/jwt", module + "/auth", 0},
		{"auth/session", module + "/auth/jwt", 0},
		{"validate", module + "/internal/body", 0},
		{"validate", module + "/sanitize", 1},
		{"authz/authztest", module + "/auth/authtest", 1},
		{"internal/body", module + "/validate", 1},
		{"auth/jwt", "github.com/lestrrat-go/jwx/v2/jws", 1},
		{"validate", "github.com/santhosh-tekuri/jsonschema/v5", 1},
		{"cors", "github.com/rs/cors", 0},
	} {
		if got := importFaults(test.folder, []string{test.imported}); len(got) != test.faults {
			t.Errorf("%s importing %s: %v, want %d faults", test.folder, test.imported, got, test.faults)
		}
	}
}
