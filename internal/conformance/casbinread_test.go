package conformance_test

import (
	"encoding/csv"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// casbinDir is the folder of the module, which has the tests and their
// examples.
func casbinDir(t testing.TB) string {
	t.Helper()
	findCasbin.Do(func() { foundCasbin = moduleDir(t, "github.com/casbin/casbin/v2") })
	return foundCasbin
}

var (
	findCasbin  sync.Once
	foundCasbin string
)

// A step is a statement of a test of Casbin: a call, with its arguments as they
// stand there.
type step struct {
	call string
	args []any // string, int or bool
}

// A casbinTest is one of the tests.
type casbinTest struct {
	name          string
	model, policy string // files
	steps         []step
	unread        string // a statement that has another form
}

func (c *casbinTest) assertions() (n int) {
	for _, s := range c.steps {
		if strings.HasPrefix(s.call, "test") {
			n++
		}
	}
	return n
}

// casbinTests reads model_test.go: all tests that ask an enforcer.
func casbinTests(t testing.TB) (tests []*casbinTest) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(casbinDir(t), "model_test.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Test") {
			continue
		}
		c := &casbinTest{name: f.Name.Name}
		for _, statement := range f.Body.List {
			c.read(statement)
		}
		if c.assertions() == 0 {
			t.Fatalf("%s asserts nothing", c.name)
		}
		tests = append(tests, c)
	}
	return tests
}

// read takes a statement down.
func (c *casbinTest) read(statement ast.Stmt) {
	var call *ast.CallExpr
	switch s := statement.(type) {
	case *ast.ExprStmt:
		call, _ = s.X.(*ast.CallExpr)
	case *ast.AssignStmt:
		if len(s.Rhs) == 1 {
			call, _ = s.Rhs[0].(*ast.CallExpr)
		}
	}
	if call == nil {
		c.unread = fmt.Sprintf("%T", statement)
		return
	}
	s := step{}
	switch f := call.Fun.(type) {
	case *ast.Ident:
		s.call = f.Name
	case *ast.SelectorExpr:
		s.call = f.Sel.Name
	}
	for _, arg := range call.Args {
		switch a := arg.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(a.Value); err == nil {
				s.args = append(s.args, text)
			} else if n, err := strconv.Atoi(a.Value); err == nil {
				s.args = append(s.args, n)
			}
		case *ast.Ident:
			if a.Name == "true" || a.Name == "false" {
				s.args = append(s.args, a.Name == "true")
			}
		}
	}
	switch s.call {
	case "NewAdapterMock":
		c.policy = s.args[0].(string)
	case "NewEnforcer":
		c.model = s.args[0].(string)
		if len(s.args) > 1 {
			c.policy = s.args[1].(string)
		}
	case "AddPolicy", "RemovePolicy", "AddGroupingPolicy", "RemoveGroupingPolicy", "RemoveFilteredPolicy", "testEnforce", "testDomainEnforce", "testEnforceWithoutUsers":
		c.steps = append(c.steps, s)
	default:
		c.unread = s.call
	}
}

// rules are the lines of a policy of Casbin by their kinds: p, g and g2.
type rules map[string][][]string

func readRules(t testing.TB, file string) rules {
	t.Helper()
	r := rules{}
	if file == "" {
		return r
	}
	text, err := os.ReadFile(filepath.Join(casbinDir(t), file))
	if err != nil {
		t.Fatal(err)
	}
	reader := csv.NewReader(strings.NewReader(string(text)))
	reader.TrimLeadingSpace, reader.FieldsPerRecord = true, -1
	lines, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		r[line[0]] = append(r[line[0]], line[1:])
	}
	return r
}

// apply changes the rules as the management calls of Casbin do.
func (r rules) apply(s step) {
	line := func(from int) (words []string) {
		for _, arg := range s.args[from:] {
			words = append(words, arg.(string))
		}
		return words
	}
	same := func(words []string) func([]string) bool {
		return func(other []string) bool { return slices.Equal(words, other) }
	}
	switch s.call {
	case "AddPolicy":
		r["p"] = append(r["p"], line(0))
	case "AddGroupingPolicy":
		r["g"] = append(r["g"], line(0))
	case "RemovePolicy":
		r["p"] = slices.DeleteFunc(r["p"], same(line(0)))
	case "RemoveGroupingPolicy":
		r["g"] = slices.DeleteFunc(r["g"], same(line(0)))
	case "RemoveFilteredPolicy":
		at, words := s.args[0].(int), line(1)
		r["p"] = slices.DeleteFunc(r["p"], func(other []string) bool { return slices.Equal(words, other[at:at+len(words)]) })
	}
}
