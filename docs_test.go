package bulwark_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What people get wrong first is said where they look first.
func TestCaseRoot20WhatPeopleGetWrong(t *testing.T) {
	edge := ""
	for _, h := range houses(t) {
		for _, typ := range h.doc.Types {
			if h.name(typ.Name) == "bulwark.Edge" {
				edge = typ.Doc
			}
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"the comment of Edge": edge, "README.md": string(readme)} {
		for _, said := range []string{"RealIP", "ProxyHeaders", "HealthPaths", `/health"`} {
			if !strings.Contains(text, said) {
				t.Errorf("%s does not say %s", place, said)
			}
		}
	}
	if !strings.Contains(string(readme), "stack.Wrap(router)") || strings.Contains(string(readme), `mux.Handle("GET /health"`) {
		t.Error("README.md does not say to wrap the router, or has the health check inside the stack")
	}
}

// goBlocks are the blocks of Go code of a document, also within a list.
var goBlocks = regexp.MustCompile("(?ms)^ *```go\n(.*?)^ *```$")

// wholeGo reports whether a block can be pasted as it is: into a folder, into a
// file or into a function.
func wholeGo(block string) bool {
	for _, file := range []string{block, "package p\n" + block, "package p\nfunc _() {\n" + block + "\n}"} {
		if _, err := parser.ParseFile(token.NewFileSet(), "block.go", file, parser.SkipObjectResolution); err == nil {
			return true
		}
	}
	return false
}

// A page whose blocks are compared with running code can still show a part of
// that code which nobody can paste.
func TestBlocksAreWholeGo(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range append(pages, "README.md") {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range goBlocks.FindAllStringSubmatch(string(page), -1) {
			found++
			if !wholeGo(block[1]) {
				t.Errorf("%s: this block does not begin or end where code does:\n%s", name, block[1])
			}
		}
	}
	if found < 200 {
		t.Errorf("only %d blocks found", found)
	}
}

// TestWholeGo shows that the rule above can fail.
func TestWholeGo(t *testing.T) {
	for block, want := range map[string]bool{
		"package main\n\nfunc main() {}\n": true,
		"func f() {}\n":                    true,
		"x := 1\nreturn x\n":               true,
		"// f returns.\n\treturn\n}\n":     false,
		"func f() {\n":                     false,
	} {
		if got := wholeGo(block); got != want {
			t.Errorf("%q: %t, want %t", block, got, want)
		}
	}
}
