package main

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/audit/trail"
)

// What an operator reads is one line: what happened, and where.
func TestOneLine(t *testing.T) {
	folder := t.TempDir()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	key := trail.VerifierKey("example.com/log", private.Public().(ed25519.PublicKey))
	logs := []*bytes.Buffer{{}, {}}
	var last trail.Checkpoint
	w, err := trail.New(logs[0], trail.Config{Origin: "example.com/log", Signer: private, MaxUnsigned: 5,
		OnCheckpoint: func(c trail.Checkpoint) { last = c }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if i == 10 {
			if err := w.Rotate(logs[1]); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(w, "record %d\n", i)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first, second := file("audit.1", logs[0].Bytes()), file("audit.2", logs[1].Bytes())
	edited := file("edited.2", bytes.Replace(logs[1].Bytes(), []byte("record 17"), []byte("record 71"), 1))
	cut := file("cut.2", logs[1].Bytes()[:bytes.Index(logs[1].Bytes(), []byte("record 15"))])
	open := file("open.2", append(bytes.Clone(logs[1].Bytes()), "late\nhalf"...))
	note := file("note", []byte(last.Note))
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		out    string
	}{
		{"whole", []string{"-key", key, first, second}, 0, "ok: 26 lines, 6 checkpoints, the last after 25 lines\n"},
		{"known", []string{"-key", key, "-known", note, first, second}, 0, "ok: 26 lines, 6 checkpoints, the last after 25 lines\n"},
		{"unsigned", []string{"-key", key, first, open}, 0, "ok: 28 lines, 6 checkpoints, the last after 25 lines; 2 lines behind it are not signed; the last line has no end, as after a crash\n"},
		{"edited", []string{"-key", key, first, edited}, 1, edited + ":10: edited: 1 line in place of 1 line that the trail has written\n"},
		{"cut", []string{"-key", key, "-known", note, first, cut}, 1, cut + ":8: truncated: the log ends after 20 lines, and a checkpoint after 25 is known\n"},
		{"half", []string{"-key", key, second}, 1, second + ":1: foreign: the log goes on after 13 lines that are not here; give the earlier logs, or -continued\n"},
		{"continued", []string{"-key", key, "-continued", second}, 0, "ok: 13 lines, 3 checkpoints, the last after 25 lines\n"},
		{"another file", []string{"-key", key, file("notes.txt", []byte("a\nb\n"))}, 1, filepath.Join(folder, "notes.txt") + ":1: foreign: there is no checkpoint of this key in 2 lines\n"},
		{"no key", []string{first}, 2, ""},
		{"no log", []string{"-key", key}, 2, ""},
		{"a bad key", []string{"-key", "x", first}, 2, ""},
		{"a bad note", []string{"-key", key, "-known", first, first}, 2, ""},
		{"no such file", []string{"-key", key, filepath.Join(folder, "none")}, 2, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			if status := run(tt.args, &out, &errs); status != tt.status || out.String() != tt.out {
				t.Errorf("status %d\n%s%s\nwant %d\n%s", status, out.String(), errs.String(), tt.status, tt.out)
			}
			if (tt.status == unreadable) != (errs.Len() > 0) {
				t.Errorf("status %d with the errors %q", tt.status, errs.String())
			}
		})
	}
}
