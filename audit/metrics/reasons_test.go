package metrics_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/metrics"
)

// row is a line of a table in docs/codes.md: cells between bars.
var row = regexp.MustCompile("(?m)^\\| `([a-z_.…]+)` \\| (.*) \\|$")

// A table test of package internal/codes finds every reason and every code of
// the source in docs/codes.md.
func documented(t *testing.T, section string) [][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/codes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/codes.md has no section %q", section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var rows [][]string
	for _, match := range row.FindAllStringSubmatch(rest, -1) {
		rows = append(rows, append([]string{match[1]}, strings.Split(match[2], " | ")...))
	}
	if len(rows) < 20 {
		t.Fatalf("section %q has only %d rows", section, len(rows))
	}
	return rows
}

// counted is the label that an event with this reason gets.
func counted(t *testing.T, event bulwark.EventName, reason string) []string {
	t.Helper()
	collector, registry := made(t, metrics.Config{})
	before := series(t, registry)
	collector.Record(t.Context(), bulwark.Event{Name: event, Reason: reason, Status: 401})
	return changed(before, series(t, registry))
}

// Each reason and each code of this module that an event of authentication or
// authorization can have is a label of its own.
func TestEveryReasonIsALabel(t *testing.T) {
	told := map[bulwark.EventName][]string{}
	for _, r := range documented(t, "Reasons") {
		word := r[0]
		switch {
		case strings.HasPrefix(word, "authz."):
			told[bulwark.AuthzFail] = append(told[bulwark.AuthzFail], word)
		case strings.HasSuffix(word, "_unavailable"), word == "store_full": // of sys_unavailable
		default:
			told[bulwark.AuthnTokenInvalid] = append(told[bulwark.AuthnTokenInvalid], word)
		}
	}
	for _, r := range documented(t, "Codes") {
		if r[2] == "`authz_fail`" {
			told[bulwark.AuthzFail] = append(told[bulwark.AuthzFail], r[0])
		}
	}
	for _, r := range documented(t, "Events without a refusal") {
		if r[0] == string(bulwark.AuthzFail) {
			told[bulwark.AuthzFail] = append(told[bulwark.AuthzFail], strings.Trim(r[1], "`"))
		}
	}
	for _, reason := range invalidIn(t, "../../auth") {
		if !slices.Contains(told[bulwark.AuthnTokenInvalid], reason) {
			told[bulwark.AuthnTokenInvalid] = append(told[bulwark.AuthnTokenInvalid], reason)
		}
	}
	if len(told[bulwark.AuthnTokenInvalid]) < 26 || len(told[bulwark.AuthzFail]) < 11 {
		t.Fatalf("too few reasons: %v", told)
	}
	for event, reasons := range told {
		for _, reason := range reasons {
			got := strings.Join(counted(t, event, reason), "\n")
			if !strings.Contains(got, `reason="`+reason+`"`) {
				t.Errorf("%s with the reason %q is not a label of its own; add it to audit/internal/tally/values.go:\n%s", event, reason, got)
			}
		}
	}
}

// invalidIn returns the reasons that the source gives to auth.Invalid.
func invalidIn(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return true
			}
			var called string
			switch f := call.Fun.(type) {
			case *ast.Ident:
				called = f.Name
			case *ast.SelectorExpr:
				called = f.Sel.Name
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok && called == "Invalid" && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				found = append(found, text)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 20 {
		t.Fatalf("only %d reasons in the source", len(found))
	}
	return found
}

// Each event name of this module is a label of its own.
func TestEveryEventIsALabel(t *testing.T) {
	for _, r := range documented(t, "Events") {
		if got := strings.Join(counted(t, bulwark.EventName(r[0]), ""), "\n"); !strings.Contains(got, `security_events_total{event="`+r[0]+`"} +1`) {
			t.Errorf("%s is not a label:\n%s", r[0], got)
		}
	}
}
