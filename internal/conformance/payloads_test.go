package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A payload is the strings of one case of a corpus, which are sent together.
type payload struct {
	corpus, family string
	name           string
	attack         bool // or else harmless, as its corpus says
	pairs          []pair
}

// A pair is a string and the name of the parameter or member that holds it.
type pair struct{ name, value string }

// A corpus is payloads, and what of it is not sent, by reason.
type corpus struct {
	payloads []payload
	leftOut  map[string]int
}

func (c *corpus) leave(family, why string) {
	if c.leftOut == nil {
		c.leftOut = make(map[string]int)
	}
	c.leftOut[family+"\x00"+why]++
}

func (c *corpus) add(p payload) { c.payloads = append(c.payloads, p) }

// single is a payload of one string.
func single(corpus, family, name string, attack bool, text string) payload {
	return payload{corpus, family, name, attack, []pair{{"text", text}}}
}

// moduleDir is the folder of a module in the module cache.
func moduleDir(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("the module %s is not in the module cache; run go mod download: %v", path, err)
	}
	return dir
}

// injectionCorpus is the data that libinjection is tested with: the files in
// its folder tests that say what is an attack, and the lists in its own tests.
func injectionCorpus(t testing.TB) corpus {
	t.Helper()
	const name = "libinjection"
	dir := moduleDir(t, "github.com/corazawaf/libinjection-go")
	files, err := filepath.Glob(filepath.Join(dir, "tests", "*.txt"))
	if err != nil || len(files) < 400 {
		t.Fatalf("%d files of tests: %v", len(files), err)
	}
	var c corpus
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".txt")
		family := ""
		switch {
		case strings.HasPrefix(base, "test-sqli-"):
			family = "sqli"
		case strings.HasPrefix(base, "test-xss-"):
			family = "xss"
		default:
			c.leave("libinjection", "says how a text is split, not whether it is an attack")
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(text), "--INPUT--\n")
		input, expected, ok2 := strings.Cut(rest, "--EXPECTED--")
		if !ok || !ok2 {
			t.Fatalf("%s has another form", base)
		}
		expected = strings.TrimSpace(expected)
		input = strings.TrimRight(input, " \t\r\n")
		if input == "" {
			continue
		}
		c.add(single(name, family, base, expected != "" && expected != "0", input))
	}
	c.addLists(t, filepath.Join(dir, "bench_crs_test.go"))
	c.addExamples(t, filepath.Join(dir, "xss_test.go"))
	return c
}

// addLists adds the lists sqliPayloads and xssPayloads. In each list a comment
// begins the attacks, and another one the harmless texts.
func (c *corpus) addLists(t testing.TB, file string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range parsed.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		spec := gen.Specs[0].(*ast.ValueSpec)
		family := strings.TrimSuffix(spec.Names[0].Name, "Payloads")
		list := spec.Values[0].(*ast.CompositeLit)
		clean := token.Pos(0)
		for _, group := range parsed.Comments {
			if group.Pos() > list.Pos() && group.End() < list.End() && strings.Contains(group.Text(), "Clean inputs") {
				clean = group.Pos()
			}
		}
		if clean == 0 {
			t.Fatalf("%s has another form", file)
		}
		for i, element := range list.Elts {
			text := literal(t, element)
			c.add(single("libinjection", family, "list-"+strconv.Itoa(i), element.Pos() < clean, text))
		}
	}
}

// addExamples adds the table of its test of scripts.
func (c *corpus) addExamples(t testing.TB, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	ast.Inspect(parsed, func(n ast.Node) bool {
		row, ok := n.(*ast.CompositeLit)
		if !ok || len(row.Elts) != 2 {
			return true
		}
		input, ok1 := row.Elts[0].(*ast.KeyValueExpr)
		verdict, ok2 := row.Elts[1].(*ast.KeyValueExpr)
		if !ok1 || !ok2 || input.Key.(*ast.Ident).Name != "input" || verdict.Key.(*ast.Ident).Name != "isXSS" {
			return true
		}
		if _, ok := input.Value.(*ast.BasicLit); !ok { // made while the test runs
			return true
		}
		text := literal(t, input.Value)
		if text == "" {
			return false
		}
		c.add(single("libinjection", "xss", "example-"+strconv.Itoa(count), verdict.Value.(*ast.Ident).Name == "true", text))
		count++
		return false
	})
	if count < 30 {
		t.Fatalf("%s has %d examples", file, count)
	}
}

func literal(t testing.TB, e ast.Expr) string {
	t.Helper()
	text, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// plain is a string that nothing could find anything in.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.~-]*$`)
