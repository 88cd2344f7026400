package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
)

const module = "../.." // the folder of the module

func TestThePageIsUpToDate(t *testing.T) {
	have, err := os.ReadFile(filepath.Join(module, "docs", "codes.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != page() {
		t.Error("docs/codes.md is not what the tables say: run go generate ./internal/codes")
	}
}

// A house is what the source of one folder says.
type house struct {
	folder string
	files  []*ast.File
	consts map[string]string // constants of strings, by name
}

// stores are modules of their own, whose words are in the tables as well.
var stores = []string{"redisstore", "sqlstore"}

// houses parses the code of the module and of the stores, without tests and
// examples.
func houses(t *testing.T) []house {
	t.Helper()
	var all []house
	err := filepath.WalkDir(module, func(folder string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		_, missing := os.Stat(filepath.Join(folder, "go.mod"))
		if folder != module && (missing == nil && !slices.Contains(stores, d.Name()) || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		switch d.Name() {
		case "examples", "testdata", "docs", "codes", "authtest", "boundtest", "tallytest", "traffic", "node_modules":
			return fs.SkipDir
		}
		all = append(all, parse(t, folder))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 30 {
		t.Fatalf("only %d folders", len(all))
	}
	return all
}

func parse(t *testing.T, folder string) house {
	t.Helper()
	h := house{folder: folder, consts: map[string]string{}}
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		h.files = append(h.files, file)
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						if text, ok := literal(spec.Values[i]); ok {
							h.consts[name.Name] = text
						}
					}
				}
			}
			return true
		})
	}
	return h
}

// each calls f for every node of the folder.
func (h house) each(f func(ast.Node)) {
	for _, file := range h.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				f(n)
			}
			return true
		})
	}
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// text is the string that an expression stands for, where that can be seen.
func (h house) text(e ast.Expr) (string, bool) {
	if id, ok := e.(*ast.Ident); ok {
		text, ok := h.consts[id.Name]
		return text, ok
	}
	if call, ok := e.(*ast.CallExpr); ok && len(call.Args) == 1 { // string(graced)
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "string" {
			return h.text(call.Args[0])
		}
	}
	return literal(e)
}

// last is the name at the end of an expression: Problem of *bulwark.Problem.
func last(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return last(e.X)
	}
	return ""
}

func codes() map[string]refusal {
	all := map[string]refusal{}
	for _, f := range families {
		for _, r := range f.refusals {
			all[r.code] = r
		}
	}
	return all
}

// words are the reasons that the tables know.
func words() map[string]bool {
	all := map[string]bool{}
	for _, r := range reasons {
		all[r.word] = true
	}
	for _, n := range notes {
		all[n.word] = true
	}
	return all
}

// likeCode is a text that looks like a code of this module.
var likeCode = regexp.MustCompile(`^(body|request|edge|auth|jwt|dpop|apikey|session|introspection|authz|validate|sanitize|ratelimit|headers|cors|audit|detect|transport|internal)\.[a-z][a-z_]*$`)

// notCodes look like codes and are something else.
var notCodes = map[string]string{
	"transport.body":      "a Kind",
	"transport.https":     "a Kind",
	"ratelimit.principal": "a Kind",
	"transport.handler":   "a line of the server's log without an event",
	"validate.malformed_": "the beginning of three codes",
	"sanitize.":           "the beginning of codes",
}

// Every code and reason with a dot that stands in the source is in the tables,
// and the tables hold no other.
func TestEveryCodeIsInTheTables(t *testing.T) {
	known, told := codes(), words()
	seen := map[string]bool{}
	for _, h := range houses(t) {
		h.each(func(n ast.Node) {
			lit, ok := n.(*ast.BasicLit)
			if !ok {
				return
			}
			text, ok := literal(lit)
			if !ok || !likeCode.MatchString(text) || notCodes[text] != "" {
				return
			}
			seen[text] = true
			if _, isCode := known[text]; !isCode && !told[text] {
				t.Errorf("%s has %q, which the tables do not have", h.folder, text)
			}
		})
	}
	for code := range known {
		area, rest, _ := strings.Cut(code, ".")
		switch {
		case seen[code], rest == "unconfigured": // made of the path of a field
		case area == "validate" && strings.HasPrefix(rest, "malformed_"),
			area == "sanitize" && isFault(rest), code == "problem.status_…":
		default:
			t.Errorf("the tables have %q, which the source does not have", code)
		}
	}
}

func isFault(code string) bool {
	return slices.ContainsFunc(faults, func(f fault) bool { return f.code == code })
}

// statusOf reads http.StatusNotFound, or a number.
func statusOf(e ast.Expr) int {
	if lit, ok := e.(*ast.BasicLit); ok {
		n, _ := strconv.Atoi(lit.Value)
		return n
	}
	for status := 400; status < 600; status++ {
		if text := http.StatusText(status); text != "" && "Status"+strings.NewReplacer(" ", "", "-", "").Replace(text) == last(e) {
			return status
		}
	}
	return 0
}

// eventNames are the constants of the root package.
func eventNames(t *testing.T) map[string]string {
	t.Helper()
	return parse(t, module).consts
}

// Where the source says code, status and event in one place, the tables say the
// same.
func TestStatusesAndEvents(t *testing.T) {
	known, names := codes(), eventNames(t)
	checked := 0
	for _, h := range houses(t) {
		h.each(func(n ast.Node) {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || last(lit.Type) != "Problem" {
				return
			}
			var code, event string
			var status int
			for _, element := range lit.Elts {
				pair, ok := element.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				switch last(pair.Key) {
				case "Code":
					code, _ = h.text(pair.Value)
				case "Status":
					status = statusOf(pair.Value)
				case "Log":
					event = eventIn(pair.Value, names)
				}
			}
			r, ok := known[code]
			if code == "" || !ok {
				return // a code that is put together; the other test has it
			}
			checked++
			if status != 0 && !slices.Contains(r.status, status) {
				t.Errorf("%s: %s is %d in the source and %v in the table", h.folder, code, status, r.status)
			}
			if event != string(r.event) {
				t.Errorf("%s: the event of %s is %q in the source and %q in the table", h.folder, code, event, r.event)
			}
		})
	}
	if checked < 55 {
		t.Errorf("only %d problems found in the source", checked)
	}
}

// eventIn returns the Event of a ProblemLog.
func eventIn(e ast.Expr, names map[string]string) (event string) {
	ast.Inspect(e, func(n ast.Node) bool {
		if pair, ok := n.(*ast.KeyValueExpr); ok && last(pair.Key) == "Event" {
			event = names[last(pair.Value)]
		}
		return true
	})
	return event
}

// Every reason in the source is in the tables: in a field Reason, in an argument
// for a parameter of that name, in what a function called fault returns, and
// among the outcomes of a refresh.
func TestEveryReasonIsInTheTables(t *testing.T) {
	all := houses(t)
	takes := map[string]int{} // functions by name: which parameter is a reason
	for _, h := range all {
		h.each(func(n ast.Node) {
			if f, ok := n.(*ast.FuncDecl); ok && !strings.Contains(h.folder, "cors") {
				at := 0
				for _, list := range f.Type.Params.List {
					for _, name := range list.Names {
						if name.Name == "reason" && last(list.Type) == "string" {
							takes[f.Name.Name] = at
						}
						at++
					}
				}
			}
		})
	}
	known, told := codes(), words()
	seen := map[string]bool{}
	found := func(h house, e ast.Expr) {
		text, ok := h.text(e)
		if !ok || !regexp.MustCompile(`^[a-z][a-z_.]*$`).MatchString(text) {
			return // a sentence of a ConfigError
		}
		seen[text] = true
		if _, isCode := known[text]; !isCode && !told[text] {
			t.Errorf("%s reports the reason %q, which the tables do not have", h.folder, text)
		}
	}
	for _, h := range all {
		h.each(func(n ast.Node) {
			switch n := n.(type) {
			case *ast.CompositeLit:
				name := last(n.Type)
				for i, element := range n.Elts {
					pair, ok := element.(*ast.KeyValueExpr)
					switch {
					case ok && strings.EqualFold(last(pair.Key), "reason") && name != "Decision":
						found(h, pair.Value)
					case !ok && i == 0 && (name == "Fault" && strings.HasSuffix(h.folder, "jose") || name == "refusal" && strings.HasSuffix(h.folder, "introspection")):
						found(h, element)
					}
				}
			case *ast.CallExpr:
				if at, ok := takes[last(n.Fun)]; ok && at < len(n.Args) {
					found(h, n.Args[at])
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if strings.EqualFold(last(left), "reason") && i < len(n.Rhs) {
						found(h, n.Rhs[i])
					}
				}
			case *ast.ValueSpec:
				if last(n.Type) == "outcome" && len(n.Values) == 1 && n.Names[0].Name != "unknown" {
					found(h, n.Values[0])
				}
			case *ast.FuncDecl:
				if n.Name.Name == "fault" && n.Recv != nil && strings.HasSuffix(h.folder, "apikey") || n.Name.Name == "kind" && strings.HasSuffix(h.folder, "auth") {
					ast.Inspect(n, func(inner ast.Node) bool {
						if back, ok := inner.(*ast.ReturnStmt); ok && len(back.Results) > 0 {
							found(h, back.Results[0])
						}
						return true
					})
				}
			}
		})
	}
	for word := range told {
		if !seen[word] && !likeCode.MatchString(word) {
			t.Errorf("the tables have the reason %q, which the source does not report", word)
		}
	}
}

// The library's own event names are all in the table, once.
func TestEveryEventIsInTheTable(t *testing.T) {
	table := map[bulwark.EventName]int{}
	for _, h := range happenings {
		table[h.name]++
	}
	for name, value := range eventNames(t) {
		if !strings.Contains(value, "_") || !ast.IsExported(name) || value == string(bulwark.NoEvent) {
			continue
		}
		if table[bulwark.EventName(value)] != 1 {
			t.Errorf("%s (%s) is %d times in the table of events", name, value, table[bulwark.EventName(value)])
		}
		delete(table, bulwark.EventName(value))
	}
	for name := range table {
		t.Errorf("the table of events has %s, which is not a name", name)
	}
}

// The codes of the lines of errors are those of validate and sanitize.
func TestEveryFaultIsInTheTable(t *testing.T) {
	seen := map[string]bool{"repeated": true}
	for _, of := range [][2]string{{"internal/schema", "code"}, {"sanitize", "flaw"}, {"sanitize", "rule"}} {
		folder, prefix := of[0], of[1]
		for name, value := range parse(t, filepath.Join(module, folder)).consts {
			if strings.HasPrefix(name, prefix) && len(name) > len(prefix) {
				seen[value] = true
				if !isFault(value) {
					t.Errorf("%s has the fault %q, which the table does not have", folder, value)
				}
			}
		}
	}
	for _, f := range faults {
		if !seen[f.code] {
			t.Errorf("the table has the fault %q, which the source does not have", f.code)
		}
	}
}
