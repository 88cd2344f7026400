package conformance_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/conformance.md again")

var tableFile = filepath.Join("..", "..", "docs", "conformance.md")

// The committed table is what the code does: a vector that is refused for
// another reason than before is a change that somebody has to look at.
func TestTable(t *testing.T) {
	got := table(t)
	if *update {
		if err := os.WriteFile(tableFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	ours, theirs := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range ours {
		if i >= len(theirs) || ours[i] != theirs[i] {
			t.Fatalf("docs/conformance.md is not what the code does; look at the difference, then run with -update. Line %d is now\n%s", i+1, ours[i])
		}
	}
	t.Fatal("docs/conformance.md has more lines than it should")
}

const intro = `# Conformance

This page lists each test vector of Wycheproof, and how the code that verifies bearer tokens (JOSE) judges it. Wycheproof is the module
@github.com/c2sp/wycheproof@, in the version of @internal/conformance/go.mod@. A section below lists the assertions of Casbin about roles.

Each token passes through the code that tokens in requests pass through: the compact parser, the rules for the header, the keys and the
signature. The rules allow every algorithm at once. The keys of the vector are read like the keys of a service.

- "tc" is the number of the test case in the file of Wycheproof.
- "why" is the reason of a refusal, as in the log. With the reason @keys@ the key set is refused before any token is read.
- A JWE is always refused, because this module does not decrypt tokens.

@go test -run TestTable -update@ in @internal/conformance@ writes this page. The tests compare the page with the code.
`

// table renders the whole document.
func table(t *testing.T) []byte {
	var doc, files bytes.Buffer
	doc.WriteString(strings.ReplaceAll(intro, "@", "`"))
	doc.WriteString("\n## Summary\n\n")
	row(&doc, "", "vectors", "valid, accepted", "invalid, refused", "JWE, refused", "excluded", "refused by policy")
	doc.WriteString("|---|---:|---:|---:|---:|---:|---:|\n")
	var sum counts
	for _, name := range fileNames {
		file := readVectors(t, name)
		c := fileTable(&files, file)
		row(&doc, name, c.cells()...)
		sum = sum.plus(c)
	}
	row(&doc, "all", sum.cells()...)
	for _, section := range []struct {
		title, text string
		list        []disagreement
	}{
		{"Excluded", "These vectors contradict another vector or an RFC. They are not counted as accepted or refused.", mistaken},
		{"Refused by policy", "These vectors expect valid. A rule of this module refuses them. Without the rule each of them is accepted.", policy},
	} {
		fmt.Fprintf(&doc, "\n## %s\n\n%s\n\n", section.title, section.text)
		row(&doc, "file", "tc", "reason")
		doc.WriteString("|---|---|---|\n")
		for _, d := range section.list {
			row(&doc, d.file, strings.Trim(fmt.Sprint(d.ids), "[]"), d.why)
		}
	}
	casbinTable(t, &doc)
	doc.Write(files.Bytes())
	return doc.Bytes()
}

// counts are the vectors of a file by what became of them.
type counts [6]int

const (
	countAll = iota
	countAccepted
	countRefused
	countEncrypted
	countExcluded
	countPolicy
)

func (c counts) plus(other counts) counts {
	for i := range c {
		c[i] += other[i]
	}
	return c
}

func (c counts) cells() []string {
	cells := make([]string, len(c))
	for i, n := range c {
		cells[i] = fmt.Sprint(n)
	}
	return cells
}

// fileTable writes one row for each vector of the file and counts them.
func fileTable(doc *bytes.Buffer, file vectorFile) counts {
	var c counts
	fmt.Fprintf(doc, "\n## %s\n\n", file.name)
	row(doc, "tc", "group", "comment", "expected", "bulwark", "why")
	doc.WriteString("|---:|---|---|---|---|---|\n")
	for _, g := range file.TestGroups {
		for _, v := range g.Tests {
			got := judge(g, v)
			ours, why := "refused", got.String()
			if got.accepted() {
				ours, why = "accepted", ""
			}
			row(doc, fmt.Sprint(v.ID), g.Comment, v.Comment, v.Result, ours, why)
			c[countAll]++
			c[kindOf(file.name, v, got)]++
		}
	}
	return c
}

func kindOf(file string, v vector, got verdict) int {
	switch {
	case disputed(mistaken, file, v.ID):
		return countExcluded
	case disputed(policy, file, v.ID):
		return countPolicy
	case v.encrypted():
		return countEncrypted
	case got.accepted():
		return countAccepted
	}
	return countRefused
}

// row writes one line of a table.
func row(doc *bytes.Buffer, first string, cells ...string) {
	doc.WriteString("|")
	for _, cell := range append([]string{first}, cells...) {
		doc.WriteString(" " + strings.ReplaceAll(cell, "|", `\|`) + " |")
	}
	doc.WriteString("\n")
}
