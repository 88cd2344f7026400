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

// The tests in this file hold the exported API to the size and the words of the
// house: few names, one name for one thing, and a comment on each.

// mostNames bounds the exported names of a package, methods aside. The
// constants of one type count as one.
var mostNames = map[string]int{".": 36, "authz": 40, "auth": 28, "ratelimit": 28}

const (
	mostNamesElsewhere = 18
	mostFields         = 25
	mostMethods        = 12
	mostColumns        = 80
)

// mirrors are types that follow a list of a specification, however long it is.
var mirrors = []string{"headers.CSP"}

// foreign are methods that a type has because it is something of the standard
// library: a Scope is a context.Context, whose methods it cannot choose. They
// are not counted.
var foreign = map[string][]string{"bulwark.Scope": {"Done", "Err", "Value"}}

// manyMethods are types with a bound of their own.
var manyMethods = map[string]int{"bulwark.Scope": 15, "apikey.Keys": 14}

// A house is one public package of the module.
type house struct {
	folder string
	doc    *doc.Package
	files  *token.FileSet
}

func (h house) name(rest string) string { return h.doc.Name + "." + rest }

// houses parses all public packages of the main module.
func houses(t *testing.T) []house {
	t.Helper()
	var all []house
	err := fs.WalkDir(os.DirFS("."), ".", func(folder string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		_, missing := os.Stat(path.Join(folder, "go.mod"))
		switch {
		case folder != "." && (missing == nil || strings.HasPrefix(d.Name(), ".")),
			d.Name() == "internal", d.Name() == "cmd", d.Name() == "examples", d.Name() == "testdata", d.Name() == "docs":
			return fs.SkipDir
		}
		h, ok := parseHouse(t, folder)
		if ok {
			all = append(all, h)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 15 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

func parseHouse(t *testing.T, folder string) (house, bool) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, entry := range entries {
		name := entry.Name()
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path.Join(folder, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	if len(parsed) == 0 {
		return house{}, false
	}
	documented, err := doc.NewFromFiles(files, parsed, path.Join(module, folder), doc.Mode(0))
	if err != nil {
		t.Fatal(err)
	}
	return house{folder, documented, files}, true
}

// values returns the exported constants and variables, and how many names they
// count for.
func values(groups []*doc.Value) (names []string, count int) {
	for _, group := range groups {
		exported := slices.DeleteFunc(slices.Clone(group.Names), func(name string) bool { return !ast.IsExported(name) })
		names = append(names, exported...)
		count += len(exported)
	}
	return names, count
}

// size counts the exported names of a package.
func (h house) size() int {
	_, n := values(slices.Concat(h.doc.Consts, h.doc.Vars))
	n += len(h.doc.Funcs)
	for _, typ := range h.doc.Types {
		n += 1 + len(typ.Funcs)
		_, variables := values(typ.Vars)
		n += variables
		if constants, _ := values(typ.Consts); len(constants) > 0 && !ast.IsExported(typ.Name) {
			n++ // the constants of a type that has no name itself
		}
		if !ast.IsExported(typ.Name) {
			n--
		}
	}
	return n
}

func TestFewNames(t *testing.T) {
	for _, h := range houses(t) {
		most := mostNamesElsewhere
		if own, ok := mostNames[h.folder]; ok {
			most = own
		}
		if n := h.size(); n > most {
			t.Errorf("%s exports %d names; at most %d", h.folder, n, most)
		}
	}
}

func TestSmallTypes(t *testing.T) {
	for _, h := range houses(t) {
		for _, typ := range h.doc.Types {
			name := h.name(typ.Name)
			most := mostMethods
			if own, ok := manyMethods[name]; ok {
				most = own
			}
			var methods []string
			for _, method := range typ.Methods {
				if method.Level == 0 && !slices.Contains(foreign[name], method.Name) { // not promoted
					methods = append(methods, method.Name)
				}
			}
			if len(methods) > most {
				t.Errorf("%s has %d methods, at most %d: %v", name, len(methods), most, methods)
			}
			if n := len(fieldsOf(typ)); n > mostFields && !slices.Contains(mirrors, name) {
				t.Errorf("%s has %d fields, at most %d", name, n, mostFields)
			}
		}
	}
}

// A field is one exported field of a struct, or one method of an interface.
type field struct {
	name, typ  string
	documented bool
}

// fieldsOf returns the exported fields of a struct, or the methods of an
// interface.
func fieldsOf(typ *doc.Type) []field {
	var list *ast.FieldList
	for _, spec := range typ.Decl.Specs {
		switch declared := spec.(*ast.TypeSpec).Type.(type) {
		case *ast.StructType:
			list = declared.Fields
		case *ast.InterfaceType:
			list = declared.Methods
		}
	}
	if list == nil {
		return nil
	}
	var fields []field
	for _, f := range list.List {
		for _, name := range f.Names {
			if ast.IsExported(name.Name) {
				fields = append(fields, field{name.Name, typeText(f.Type), f.Doc.Text() != "" || f.Comment.Text() != ""})
			}
		}
	}
	return fields
}

// typeText writes a type as far as the tests here look at it.
func typeText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return typeText(e.X) + "." + e.Sel.Name
	case *ast.StarExpr:
		return "*" + typeText(e.X)
	case *ast.ArrayType:
		return "[]" + typeText(e.Elt)
	case *ast.Ellipsis:
		return "..." + typeText(e.Elt)
	}
	return "?"
}

// Every exported name, field and method has a comment.
func TestEveryExportIsDocumented(t *testing.T) {
	for _, h := range houses(t) {
		missing := func(name, text string) {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s has no comment", h.name(name))
			}
		}
		for _, f := range h.doc.Funcs {
			missing(f.Name, f.Doc)
		}
		for _, group := range slices.Concat(h.doc.Consts, h.doc.Vars) {
			for _, spec := range group.Decl.Specs {
				value := spec.(*ast.ValueSpec)
				for _, name := range value.Names {
					if ast.IsExported(name.Name) {
						missing(name.Name, group.Doc+value.Doc.Text()+value.Comment.Text())
					}
				}
			}
		}
		for _, typ := range h.doc.Types {
			if !ast.IsExported(typ.Name) {
				continue
			}
			missing(typ.Name, typ.Doc)
			for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
				missing(typ.Name+"."+f.Name, f.Doc)
			}
			for _, f := range fieldsOf(typ) {
				if !f.documented {
					missing(typ.Name+"."+f.name, "")
				}
			}
		}
	}
}

// Every package comment answers the same questions under the same headings.
func TestPackageComments(t *testing.T) {
	for _, h := range houses(t) {
		at := 0
		for _, heading := range []string{"\n# Threat\n", "\n# Defence\n", "\n# Not covered\n", "\n# Errors\n"} {
			i := strings.Index(h.doc.Doc, heading)
			if i < at {
				t.Errorf("%s: the package comment lacks the heading %q, or has it in another order", h.folder, strings.TrimSpace(heading))
				continue
			}
			at = i
		}
		if !strings.Contains(h.doc.Doc, "xample") {
			t.Errorf("%s: the package comment does not point to its examples", h.folder)
		}
	}
}

// handlers are functions that return a handler and are called after something
// else: the handler is what they are given, in a guard.
var handlers = []string{"Wrap", "authz.Object", "authz.Guard"}

// What a package calls a thing is what all call it.
func TestVocabulary(t *testing.T) {
	vague := regexp.MustCompile(`Manager|Helper|Util|Data$|Info$|Severity|TTL`)
	for _, h := range houses(t) {
		check := func(name string, decl *ast.FuncDecl) {
			if decl == nil || slices.Contains(handlers, decl.Name.Name) || slices.Contains(handlers, name) {
				return
			}
			for _, parameter := range decl.Type.Params.List {
				if text := typeText(parameter.Type); text == "...bulwark.Layer" || text == "...Layer" {
					t.Errorf("%s takes %s; whatever takes layers takes ...bulwark.Builder", name, text)
				}
			}
			if decl.Type.Results == nil || len(decl.Type.Results.List) == 0 {
				return
			}
			if typeText(decl.Type.Results.List[0].Type) == "http.Handler" && !strings.HasSuffix(name, "Handler") {
				t.Errorf("%s returns a handler; call it %sHandler", name, decl.Name.Name)
			}
		}
		for _, f := range h.doc.Funcs {
			check(h.name(f.Name), f.Decl)
		}
		for _, typ := range h.doc.Types {
			if !ast.IsExported(typ.Name) {
				continue
			}
			name := h.name(typ.Name)
			if vague.MatchString(typ.Name) {
				t.Errorf("%s says nothing, or has another word in this house", name)
			}
			if rest := typ.Name[min(len(h.doc.Name), len(typ.Name)):]; strings.EqualFold(typ.Name, h.doc.Name+rest) && rest != "" && rest[0] < 'a' {
				t.Errorf("%s repeats the name of its package", name)
			}
			for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
				if f.Level == 0 {
					check(name+"."+f.Name, f.Decl)
				}
				if f.Name == "Build" && typ.Name == "Config" && !strings.HasPrefix(f.Doc, "Build is New, for a Chain.") {
					t.Errorf("%s.Build: the comment is %q; write \"Build is New, for a Chain.\"", name, f.Doc)
				}
			}
			fields := fieldsOf(typ)
			for _, f := range fields {
				if reason := fieldFault(f); reason != "" {
					t.Errorf("%s.%s %s", name, f.name, reason)
				}
			}
			bounded := slices.ContainsFunc(fields, func(f field) bool { return f.name == "Max" })
			if strings.HasPrefix(typ.Name, "Memory") && !bounded {
				t.Errorf("%s has no field Max", name)
			}
		}
	}
}

// fieldFault holds the name of a field against the table of style: bounds,
// times, and bodies.
func fieldFault(f field) string {
	switch {
	case strings.HasSuffix(f.name, "Bytes") && !strings.HasPrefix(f.name, "Max"):
		return "is a bound in bytes; call it Max" + f.name
	case f.name == "MaxBody", f.name == "MaxString", f.name == "BodyLimit":
		return "is a bound in bytes; call it MaxXBytes"
	case strings.HasSuffix(f.name, "Bytes") && f.typ != "int64" && f.typ != "int":
		return "is a bound in bytes of type " + f.typ
	case f.name == "ReadTimeout":
		return "is how long a body may take; call it BodyTimeout"
	case regexp.MustCompile(`(Timeout|Lifetime|Age|Skew|Grace|OnOutage|Every|Period)$`).MatchString(f.name) && strings.Contains(f.typ, "int"):
		return "is a length of time; make it a time.Duration"
	case strings.HasSuffix(f.name, "Seconds"):
		return "is a length of time; make it a time.Duration"
	case regexp.MustCompile(`(Manager|Helper|Util|Severity|TTL)`).MatchString(f.name):
		return "says nothing, or has another word in this house"
	}
	return ""
}

// TestFieldFault shows that the rules above can fail.
func TestFieldFault(t *testing.T) {
	for _, test := range []struct {
		name, typ string
		wrong     bool
	}{
		{"MaxBodyBytes", "int64", false}, {"BodyBytes", "int64", true}, {"MaxBody", "int64", true}, {"MaxKeyBytes", "string", true},
		{"BodyTimeout", "time.Duration", false}, {"BodyTimeout", "int", true}, {"MaxAge", "int", true}, {"MaxAge", "time.Duration", false},
		{"Lifetime", "int64", true}, {"WindowSeconds", "int", true}, {"ReadTimeout", "time.Duration", true}, {"TTL", "time.Duration", true},
		{"MaxKeys", "int", false},
	} {
		if got := fieldFault(field{name: test.name, typ: test.typ}); (got != "") != test.wrong {
			t.Errorf("%s %s: %q", test.name, test.typ, got)
		}
	}
}

// Comments are read side by side with code: none is wider than 80 columns, a
// tab counting for four. Directives and lines that hold a URL are left alone.
func TestCommentsFit(t *testing.T) {
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			comment := strings.TrimLeft(line, "\t")
			if !strings.HasPrefix(comment, "// ") || strings.Contains(comment, "://") {
				continue
			}
			if columns := 4*(len(line)-len(comment)) + len([]rune(comment)); columns > mostColumns {
				t.Errorf("%s:%d: the comment is %d columns wide, at most %d", name, i+1, columns, mostColumns)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
