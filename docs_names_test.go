package bulwark_test

import (
	"go/ast"
	"go/doc"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are README.md, SECURITY.md, CONTRIBUTING.md and the pages of docs/
// without the decision records, which speak of their day.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, page := range append(pages, "README.md", "SECURITY.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all[page] = string(text)
	}
	return all
}

var (
	fenced = regexp.MustCompile("(?ms)^```.*?^```$")
	inline = regexp.MustCompile("`[^`\n]+`")
	dotted = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)+)`)
	linked = regexp.MustCompile(`\]\(([^)#: ]+)(#[a-z0-9-]+)?\)`)
)

// members returns the exported fields and methods of a type.
func members(typ *doc.Type) []string {
	var names []string
	for _, f := range fieldsOf(typ) {
		names = append(names, f.name)
	}
	for _, f := range typ.Methods {
		names = append(names, f.Name)
	}
	return names
}

// exported returns what the module exports: "jwt.Config", "jwt.Config.Types",
// and "Config.Types" for texts that say of which package they speak.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, h := range houses(t) {
		add := func(name string) { all[h.name(name)], all[name] = true, true }
		names, _ := values(slices.Concat(h.doc.Consts, h.doc.Vars))
		for _, f := range h.doc.Funcs {
			names = append(names, f.Name)
		}
		for _, typ := range h.doc.Types {
			if !ast.IsExported(typ.Name) {
				continue
			}
			constants, _ := values(slices.Concat(typ.Consts, typ.Vars))
			names = append(append(names, typ.Name), constants...)
			for _, f := range typ.Funcs {
				names = append(names, f.Name)
			}
			for _, member := range members(typ) {
				names = append(names, typ.Name+"."+member)
			}
		}
		for _, name := range names {
			add(name)
		}
	}
	return all
}

// A name of this module that a document mentions is one that the module has.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	known := exported(t)
	ours := map[string]bool{} // packages and types
	for name := range known {
		first, _, found := strings.Cut(name, ".")
		ours[first] = ours[first] || found
	}
	checked := 0
	for page, text := range documents(t) {
		for _, code := range inline.FindAllString(fenced.ReplaceAllString(text, ""), -1) {
			name := dotted.FindString(strings.Trim(code, "`*&"))
			first, _, _ := strings.Cut(name, ".")
			if name == "" || !ours[first] || first == "http" {
				continue
			}
			checked++
			parts := strings.Split(name, ".")
			inside := len(parts) > 2 && known[strings.Join(parts[:2], ".")] && ast.IsExported(parts[0]) // Problem.Log.Event
			if !known[name] && !inside {
				t.Errorf("%s mentions %s, which this module does not have", page, name)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d names were found", checked)
	}
}

// headingsOf returns the anchors of a page.
func anchorsOf(text string) map[string]bool {
	all := map[string]bool{}
	for _, line := range strings.Split(fenced.ReplaceAllString(text, ""), "\n") {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			anchor := strings.ToLower(strings.TrimSpace(title))
			anchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(anchor, "")
			all["#"+strings.ReplaceAll(anchor, " ", "-")] = true
		}
	}
	return all
}

// A link within the repository leads somewhere.
func TestDocumentsLinkToWhatThereIs(t *testing.T) {
	for page, text := range documents(t) {
		for _, link := range linked.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			target := filepath.Join(filepath.Dir(page), link[1])
			there, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s links to %s, which is not there", page, link[1])
				continue
			}
			if link[2] == "" || there.IsDir() {
				continue
			}
			if other, _ := os.ReadFile(target); !anchorsOf(string(other))[link[2]] {
				t.Errorf("%s links to %s%s, which has no such heading", page, link[1], link[2])
			}
		}
		for _, link := range regexp.MustCompile(`\]\((#[^)]+)\)`).FindAllStringSubmatch(text, -1) {
			if !anchorsOf(text)[link[1]] {
				t.Errorf("%s links to %s, which is not a heading of it", page, link[1])
			}
		}
	}
}

// The map in docs/architecture.md lists every folder of code, and no other.
func TestTheMapIsTrue(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```text\n")
	text, _, _ = strings.Cut(text, "```")
	listed := map[string]bool{}
	for line := range strings.Lines(text) {
		folder, about, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.TrimSpace(about) == "" {
			t.Errorf("the map says nothing about %s", folder)
		}
		if there, err := os.Stat(folder); err != nil || !there.IsDir() {
			t.Errorf("the map lists %s, which is not there", folder)
		}
		listed[folder] = true
	}
	err = filepath.WalkDir(".", func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(name, "*.go"))
		if err != nil || len(files) == 0 {
			return err
		}
		for at := name; ; at = filepath.Dir(at) {
			if listed[at] && (at != "." || name == ".") {
				return nil
			}
			if at == "." {
				t.Errorf("the map does not list %s", name)
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
