package main

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/race"
)

// A logbook is a trail over three files, line by line.
type logbook struct {
	files [3][]string
	last  trail.Checkpoint
	key   string
}

const isCheckpoint = `{"trail":"checkpoint",`

func newLogbook(t *testing.T, origin, record string) logbook {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	book := logbook{key: trail.VerifierKey(origin, private.Public().(ed25519.PublicKey))}
	var logs [3]bytes.Buffer
	w, err := trail.New(&logs[0], trail.Config{Origin: origin, Signer: private, MaxUnsigned: 3,
		OnCheckpoint: func(c trail.Checkpoint) { book.last = c }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if i == 4 || i == 8 {
			if err := w.Rotate(&logs[i/4]); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(w, "%s %d\n", record, i)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range logs {
		book.files[i] = slices.Collect(strings.Lines(logs[i].String()))
	}
	return book
}

// A desk is where an operator verifies changed copies of a logbook.
type desk struct {
	*testing.T
	book   logbook
	folder string
	note   string
}

func newDesk(t *testing.T) desk {
	d := desk{t, newLogbook(t, "example.com/log", "record"), t.TempDir(), ""}
	d.note = filepath.Join(d.folder, "note")
	if err := os.WriteFile(d.note, []byte(d.book.last.Note), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// verify writes files and verifies them, and returns what is printed, without
// the folder, and the exit status.
func (d desk) verify(files [][]string, more ...string) (string, int) {
	d.Helper()
	args := append([]string{"-key", d.book.key}, more...)
	for i, lines := range files {
		name := filepath.Join(d.folder, fmt.Sprintf("log.%d", i+1))
		if err := os.WriteFile(name, []byte(strings.Join(lines, "")), 0o600); err != nil {
			d.Fatal(err)
		}
		args = append(args, name)
	}
	var out, errs strings.Builder
	status := run(args, &out, &errs)
	if errs.Len() > 0 || strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		d.Errorf("not one line: %q %q", out.String(), errs.String())
	}
	return strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), d.folder+string(filepath.Separator), ""), status
}

// whole returns the files as they were written, in a copy.
func (d desk) whole() [][]string {
	var files [][]string
	for _, lines := range d.book.files {
		files = append(files, slices.Clone(lines))
	}
	return files
}

// bad verifies files that were changed in the line that is named, from 0, and
// expects one of the kinds there, by name.
func (d desk) bad(what string, files [][]string, file, line int, kinds ...trail.Kind) {
	d.Helper()
	got, status := d.verify(files)
	for _, kind := range kinds {
		if status == notInOrder && strings.HasPrefix(got, fmt.Sprintf("log.%d:%d: %s: ", file+1, line+1, kind)) {
			return
		}
	}
	d.Errorf("%s: status %d: %s\nwant %v in line %d of file %d", what, status, got, kinds, line+1, file+1)
}

// each calls do for every line.
func (d desk) each(do func(file, line int, text string)) {
	for file, lines := range d.book.files {
		for line, text := range lines {
			do(file, line, text)
		}
	}
}

// at names a line.
func at(file, line int) string { return fmt.Sprintf("line %d of file %d", line+1, file+1) }

func TestTheBookIsInOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if got, status := d.verify(d.whole(), "-known", d.note); status != inOrder || got != "ok: 20 lines, 8 checkpoints, the last after 19 lines" {
		t.Fatalf("status %d: %s", status, got)
	}
}

// Every line that is taken out is missed, in its place. The last checkpoint of
// all is the exception: nothing in the logs tells that it was there, and the
// lines before it become lines that are not signed.
func TestEveryRemoval(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.each(func(file, line int, text string) {
		files := d.whole()
		files[file] = slices.Delete(files[file], line, line+1)
		switch {
		case file == 0 && line == len(files[file]): // the name of the place is that of the next file
			d.bad(at(file, line), files, 1, 0, trail.Removed)
		case file == 2 && line == len(files[file]):
			if got, status := d.verify(files); status != inOrder || !strings.HasSuffix(got, "; 1 lines behind it are not signed") {
				t.Errorf("the last checkpoint: status %d: %s", status, got)
			}
			if got, status := d.verify(files, "-known", d.note); status != inOrder || !strings.HasSuffix(got, "; 1 lines behind it are not signed") {
				t.Errorf("the last checkpoint, which is known: status %d: %s", status, got)
			}
		case line == len(files[file]):
			d.bad(at(file, line), files, file+1, 0, trail.Removed)
		default:
			d.bad(at(file, line), files, file, line, trail.Removed)
		}
	})
}

// Any two lines that change places are found at the first of them.
func TestEverySwap(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.each(func(file, line int, text string) {
		d.each(func(file2, line2 int, text2 string) {
			if file2 < file || file2 == file && line2 <= line {
				return
			}
			files := d.whole()
			files[file][line], files[file2][line2] = text2, text
			kinds := []trail.Kind{trail.Edited}
			switch mark, mark2 := strings.HasPrefix(text, isCheckpoint), strings.HasPrefix(text2, isCheckpoint); {
			case file == 0 && line == 0 && mark2:
				kinds = []trail.Kind{trail.Foreign} // a log that begins with a later checkpoint
			case mark2:
				kinds = []trail.Kind{trail.Removed} // a checkpoint for lines that are to come
			case mark:
				kinds = []trail.Kind{trail.Edited, trail.Inserted}
			case file == file2 && line2 < nextMark(d.book.files[file], line):
				kinds = []trail.Kind{trail.Reordered}
			}
			d.bad(at(file, line)+" and "+at(file2, line2), files, file, line, kinds...)
		})
	})
}

// nextMark is the first checkpoint behind a line.
func nextMark(lines []string, line int) int {
	for line++; line < len(lines) && !strings.HasPrefix(lines[line], isCheckpoint); line++ {
	}
	return line
}

// A line that is put in anywhere is found there: a copy of any line of the log,
// a line of somebody else, and the lines of another trail of the same key.
func TestEveryInsertion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other := newLogbook(t, "example.com/other", "record")
	twin := newLogbook(t, "example.com/log", "twin") // as whoever has the key could write it
	type line struct {
		name, text string
		mark       bool
	}
	news := []line{
		{"a foreign line", "foreign\n", false},
		{"an empty line", "\n", false},
		{"a record of another trail", other.files[1][2], false},
		{"a checkpoint of another trail", other.files[0][3], false}, // not one of this
		{"a record of a twin", twin.files[1][2], false},
		{"a checkpoint of a twin", twin.files[0][3], true},
	}
	d.each(func(file, at int, text string) {
		news = append(news, line{"a copy of " + strings.TrimSpace(text[:min(len(text), 12)]), text, strings.HasPrefix(text, isCheckpoint)})
	})
	d.each(func(file, line int, text string) {
		for _, put := range news {
			files := d.whole()
			files[file] = slices.Insert(files[file], line, put.text)
			// Of lines that are the same, the second is too much.
			f, l := first(d.book.files[:], files)
			kinds := []trail.Kind{trail.Inserted}
			if put.mark {
				kinds = append(kinds, trail.Removed, trail.Edited) // a checkpoint for lines that are not here
			}
			if put.mark && f == 0 && l == 0 {
				kinds = []trail.Kind{trail.Foreign}
			}
			if put.text == twin.files[0][3] && f == 0 && l > 0 && l <= 3 {
				l = 0 // the lines before it are not those that it stands for
			}
			d.bad(put.name+" before "+at(file, line), files, f, l, kinds...)
		}
	})
}

// first returns the first line that differs.
func first(before [][]string, after [][]string) (file, line int) {
	a, b := slices.Concat(before...), slices.Concat(after...)
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for i, lines := range after {
		if n < len(lines) {
			return i, n
		}
		n -= len(lines)
	}
	return len(after) - 1, len(after[len(after)-1])
}

// The logs end at any byte, as by a thief, a crash or a full disk. What is left
// is in order, and says what is not signed. With a checkpoint that is known it
// is truncated.
func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	text := strings.Join(d.book.files[2], "")
	closed := strings.LastIndex(text, isCheckpoint)
	for n := range len(text) {
		if race.Enabled && n%16 != 0 { // nothing here is concurrent
			continue
		}
		files := d.whole()
		files[2] = slices.Collect(strings.Lines(text[:n]))
		lines := 13 + len(files[2])
		torn := n > 0 && text[n-1] != '\n'

		got, status := d.verify(files)
		want := fmt.Sprintf("ok: %d lines, ", lines)
		if status != inOrder || !strings.HasPrefix(got, want) || strings.HasSuffix(got, "; the last line has no end, as after a crash") != torn {
			t.Fatalf("cut at byte %d: status %d: %s", n, status, got)
		}
		got, status = d.verify(files, "-known", d.note)
		switch {
		case n >= closed: // all lines that the known checkpoint signs are here
			if status != inOrder {
				t.Fatalf("cut at byte %d, with a known checkpoint: status %d: %s", n, status, got)
			}
		default:
			why := fmt.Sprintf("the log ends after %d lines, and a checkpoint after 19 is known", lines)
			if torn && lines == 19 {
				why = "the log ends in the middle of a line, and a checkpoint of the whole line is known"
			}
			line := len(files[2]) + 1
			if torn {
				line--
			}
			if want := fmt.Sprintf("log.3:%d: truncated: %s", line, why); status != notInOrder || got != want {
				t.Fatalf("cut at byte %d, with a known checkpoint: status %d: %s\nwant %s", n, status, got, want)
			}
		}
	}
}

// A file that is cut, and goes on in the next, is found where it was cut.
func TestEveryTruncationOfAFileBefore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for file := range 2 {
		text := strings.Join(d.book.files[file], "")
		for n := range len(text) {
			if race.Enabled && n%16 != 0 {
				continue
			}
			files := d.whole()
			files[file] = slices.Collect(strings.Lines(text[:n]))
			what := fmt.Sprintf("file %d cut at byte %d", file+1, n)
			if n == 0 || text[n-1] == '\n' {
				f, l := first(d.book.files[:], files)
				kind := trail.Removed
				if n == 0 && file == 0 {
					kind = trail.Foreign
				}
				d.bad(what, files, f, l, kind)
				continue
			}
			// The line and the first line of the next file are one.
			got, status := d.verify(files)
			if status != notInOrder || !strings.HasSuffix(got, fmt.Sprintf("; log.%d ends in the middle of a line", file+1)) {
				t.Errorf("%s: status %d: %s", what, status, got)
			}
			if strings.HasPrefix(files[file][len(files[file])-1], isCheckpoint) {
				d.bad(what, files, file+1, 0, trail.Edited)
			} else {
				d.bad(what, files, file+1, 1, trail.Removed)
			}
		}
	}
}

// Whole files go astray.
func TestFilesOutOfPlace(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a, b, c := d.book.files[0], d.book.files[1], d.book.files[2]
	for _, tt := range []struct {
		name  string
		files [][]string
		want  string
	}{
		{"the first is missing", [][]string{b, c},
			"log.1:1: foreign: the log goes on after 6 lines that are not here; give the earlier logs, or -continued"},
		{"the second is missing", [][]string{a, c},
			"log.2:1: removed: lines before this one are missing, and checkpoints with them"},
		{"the second is empty", [][]string{a, {}, c},
			"log.3:1: removed: lines before this one are missing, and checkpoints with them"},
		{"the second is twice", [][]string{a, b, b, c},
			"log.3:1: inserted: the checkpoint stands for lines that an earlier checkpoint stands for"},
		{"the first and the second have changed places", [][]string{b, a, c},
			"log.1:1: foreign: the log goes on after 6 lines that are not here; give the earlier logs, or -continued"},
		{"the second and the third have changed places", [][]string{a, c, b},
			"log.2:1: removed: lines before this one are missing, and checkpoints with them"},
		{"all are empty", [][]string{{}, {}, {}},
			"log.3:1: foreign: there is no checkpoint of this key in 0 lines"},
		{"the first begins later", [][]string{a[2:], b, c},
			"log.1:1: removed: 2 lines missing before this line"},
	} {
		if got, status := d.verify(tt.files); status != notInOrder || got != tt.want {
			t.Errorf("%s: status %d: %s\nwant %s", tt.name, status, got, tt.want)
		}
	}
	// The third alone: nobody can tell without a known checkpoint.
	if got, status := d.verify([][]string{a, b}); status != inOrder || got != "ok: 13 lines, 5 checkpoints, the last after 12 lines" {
		t.Errorf("the third is missing: status %d: %s", status, got)
	}
	want := "log.2:8: truncated: the log ends after 13 lines, and a checkpoint after 19 is known"
	if got, status := d.verify([][]string{a, b}, "-known", d.note); status != notInOrder || got != want {
		t.Errorf("the third is missing, and a checkpoint is known: status %d: %s\nwant %s", status, got, want)
	}
}
