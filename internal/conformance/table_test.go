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

var update = flag.Bool("update", false, "write docs/conformance.md anew")

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

What the JOSE code behind bearer tokens says to each vector of Wycheproof (module ` + "`github.com/c2sp/wycheproof`" + `, version in
` + "`internal/conformance/go.mod`" + `), and why. Each token goes through the code that requests go through: the compact parser, the header rules with
every algorithm allowed at once, the keys of the vector read as a service configures them, and the signature. The reasons are those that
the log has; ` + "`keys`" + ` is a key set refused before any token comes. A JWE is always refused: nothing here decrypts. The table is written by
` + "`go test -run TestTable -update`" + ` in ` + "`internal/conformance`" + `, and the tests compare it with what the code does.
`

// table renders the whole document.
func table(t *testing.T) []byte {
	var doc, files bytes.Buffer
	doc.WriteString(intro)
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
		{"Excluded", "The vector cannot be right.", mistaken},
		{"Refused by policy", "Valid by the vector, and refused for a rule of this module. Without the rule each is accepted.", policy},
	} {
		fmt.Fprintf(&doc, "\n## %s\n\n%s\n\n", section.title, section.text)
		row(&doc, "file", "tc", "why")
		doc.WriteString("|---|---|---|\n")
		for _, d := range section.list {
			row(&doc, d.file, strings.Trim(fmt.Sprint(d.ids), "[]"), d.why)
		}
	}
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
	row(doc, "tc", "group", "comment", "by the vector", "ours", "why")
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
