package bulwark_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests in this file hold comments and documents to sentences that are read
// once, fields to saying their default, and packages to having Examples.

// inverted matches "is no", "are none" and the like. The first group is not
// empty in "there is no", and the second in "is no longer".
var inverted = regexp.MustCompile(`(?i)(\bthere\s+)?\b(?:is|are|was|were)\s+(?:no|none)\b(\s+(?:longer|more)\b)?`)

// invertedLines returns the numbers of the lines, counted from 0, on which a
// sentence of text says "is no" in place of "is not a" or "there is no".
func invertedLines(text string) []int {
	var lines []int
	for _, at := range inverted.FindAllStringSubmatchIndex(text, -1) {
		if at[2] < 0 && at[4] < 0 {
			lines = append(lines, strings.Count(text[:at[0]], "\n"))
		}
	}
	return lines
}

// commentText returns the text of a group of comments with its lines kept.
func commentText(group *ast.CommentGroup) string {
	var lines []string
	for _, comment := range group.List {
		text := strings.TrimSuffix(strings.TrimPrefix(comment.Text, "/*"), "*/")
		for line := range strings.SplitSeq(text, "\n") {
			lines = append(lines, strings.TrimPrefix(line, "//"))
		}
	}
	return strings.Join(lines, "\n")
}

// Comments and documents say "is not a" and "there is no".
func TestReadOnce(t *testing.T) {
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "testdata", "node_modules", "adr"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case path.Ext(name) == ".md" && name != "CHANGELOG.md":
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, line := range invertedLines(string(text)) {
				t.Errorf(`%s:%d: write "is not a" or "there is no"`, name, line+1)
			}
		case path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go"):
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, group := range file.Comments {
				for _, line := range invertedLines(commentText(group)) {
					t.Errorf(`%s:%d: write "is not a" or "there is no"`, name, files.Position(group.Pos()).Line+line)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestInvertedLines shows that the rule above can fail.
func TestInvertedLines(t *testing.T) {
	for _, test := range []struct {
		text string
		want []int
	}{
		{"A cookie is no decision of the client.", []int{0}},
		{"one\nAn error that is none.\nPeers are\nno clients.", []int{1, 2}},
		{"There is no list, and there are none elsewhere.", nil},
		{"Where there\nwas no answer.", nil},
		{"It is not a list. This is noted. Nobody is nonetheless.", nil},
	} {
		if got := invertedLines(test.text); !slices.Equal(got, test.want) {
			t.Errorf("%q: lines %v, want %v", test.text, got, test.want)
		}
	}
}

// configs are structs that a program fills in, besides those whose name ends in
// Config.
var configs = []string{
	"bulwark.Edge", "bulwark.JSONLimits", "apikey.Grant", "apikey.MemoryStore", "apikey.Pepper", "auth.CrossSite",
	"auth.MemoryRevocations", "auth.Metadata", "authz.Role", "dpop.MemoryReplays", "headers.HSTS", "headers.Legacy",
	"headers.Reports", "headers.SecurityTxt", "introspection.Cache", "introspection.Client", "ratelimit.MemoryStore",
	"session.MemoryStore", "transport.Grace", "transport.HTTPSOnly",
}

// saysDefault reports whether the comment of a field says what happens without
// it.
func saysDefault(comment string) bool {
	return strings.Contains(comment, "Required") || strings.Contains(comment, "Default:")
}

// undecided returns the exported fields of a struct whose comment does not say
// what happens without them. A field without a comment, on the line below
// another field, shares the comment of that field.
func undecided(files *token.FileSet, s *ast.StructType) []string {
	var names []string
	shared, below := "", 0
	for _, f := range s.Fields.List {
		comment := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
		if comment == "" && files.Position(f.Pos()).Line == below {
			comment = shared
		}
		shared, below = comment, files.Position(f.End()).Line+1
		for _, name := range f.Names {
			if ast.IsExported(name.Name) && !saysDefault(comment) {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// Whoever fills in a Config reads at each field whether it is needed, and what
// happens without it.
func TestFieldsSayTheirDefault(t *testing.T) {
	found := map[string]bool{}
	for _, h := range houses(t) {
		for _, typ := range h.doc.Types {
			name := h.name(typ.Name)
			if !ast.IsExported(typ.Name) || !strings.HasSuffix(typ.Name, "Config") && !slices.Contains(configs, name) {
				continue
			}
			found[name] = true
			for _, spec := range typ.Decl.Specs {
				if s, ok := spec.(*ast.TypeSpec).Type.(*ast.StructType); ok {
					for _, field := range undecided(h.files, s) {
						t.Errorf(`%s.%s: the comment says neither "Required" nor "Default:"`, name, field)
					}
				}
			}
		}
	}
	for _, name := range configs {
		if !found[name] {
			t.Errorf("there is no %s; correct the list", name)
		}
	}
}

// TestUndecided shows that the rule above can fail.
func TestUndecided(t *testing.T) {
	const source = `package p
type C struct {
	// A is a name. Required.
	A string
	// B is a time. Default: 30 seconds.
	B, C int
	D int // of nothing. Default: 0.
	// E is a name. Optional.
	E string
	F int

	// G and H are names. Default: none.
	G string
	H string

	I string
	j string
}`
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	s := file.Decls[0].(*ast.GenDecl).Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
	if got := undecided(files, s); !slices.Equal(got, []string{"E", "F", "I"}) {
		t.Errorf("undecided %v", got)
	}
}

// misusable are the packages with an Example of a wrong Config and its errors.
var misusable = []string{".", "audit", "audit/detect", "auth", "auth/apikey", "auth/dpop", "auth/introspection", "auth/jwt", "auth/session", "authz",
	"authz/authztest", "cors", "headers", "headers/transport", "ratelimit", "sanitize", "validate"}

// examples returns the names of the Examples of a package whose output is
// checked.
func (h house) examples(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(h.folder)
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path.Join(h.folder, entry.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	var names []string
	for _, example := range doc.Examples(parsed...) {
		if example.Output != "" {
			names = append(names, example.Name)
		}
	}
	return names
}

// A newcomer finds a program to begin with in every package, and the errors of
// a wrong Config where misuse is likely.
func TestEveryPackageHasAnExample(t *testing.T) {
	seen := 0
	for _, h := range houses(t) {
		names := h.examples(t)
		// A suite needs a *testing.T, so that its Example has no output.
		if len(names) == 0 && h.folder != "ratelimit/ratelimittest" {
			t.Errorf("%s has no Example with an output", h.folder)
		}
		if !slices.Contains(misusable, h.folder) {
			continue
		}
		seen++
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "_incorrect") }) {
			t.Errorf("%s has no Example of incorrect use", h.folder)
		}
	}
	if seen != len(misusable) {
		t.Errorf("only %d of the packages %v exist", seen, misusable)
	}
}
