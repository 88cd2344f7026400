package trail_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/race"
)

// rotated writes a small trail over two files, with several checkpoints in
// each.
func rotated(t testing.TB) (files [][]byte, last trail.Checkpoint) {
	t.Helper()
	const records = 8
	logs := []*bytes.Buffer{{}, {}}
	c := config(3)
	c.OnCheckpoint = func(at trail.Checkpoint) { last = at }
	w, err := trail.New(logs[0], c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if i == records/2 {
			if err := w.Rotate(logs[1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fmt.Fprintf(w, "record %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, log := range logs {
		files = append(files, log.Bytes())
	}
	return files, last
}

// changed returns the number of the first line that is not the same, from 1.
func changed(before, after []byte) int64 {
	n := 0
	for n < len(before) && n < len(after) && before[n] == after[n] {
		n++
	}
	return int64(1 + bytes.Count(before[:n], []byte("\n")))
}

// A byte at any place of a rotated log, changed to any of several others, taken
// out, or put in, is found, and the line that is named is the first line that
// is not as it was written.
//
// Nothing signs the own line of the very last checkpoint. A change there is
// found as long as the line is known to be a checkpoint. Otherwise the line is
// one of those that the Report calls unsigned, and a checkpoint that was kept
// elsewhere shows that the lines before it are there.
func TestEveryByte(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine has no races, and is ten times slower under the detector")
	}
	t.Parallel()
	files, last := rotated(t)
	log := bytes.Join(files, nil)
	if lines := int64(bytes.Count(log, []byte("\n"))); lines != 13 || last.Size != lines-1 {
		t.Fatalf("%d lines, the last checkpoint after %d", lines, last.Size)
	}
	v := verifier(t)
	mark := []byte(`{"trail":"checkpoint",`)
	end := bytes.LastIndex(log, mark) // of what is signed
	check := func(what string, at int, edited []byte, known ...trail.Checkpoint) {
		line := changed(log, edited)
		report, err := v.Verify(bytes.NewReader(edited), known...)
		var fault *trail.Fault
		if !errors.As(err, &fault) {
			forgotten := at >= end && at < end+len(mark) || at == len(log)-1 || at == end-1 && known == nil
			if err != nil || !forgotten || report.Unsigned == 0 {
				t.Errorf("%s at %d, line %d: %+v %v", what, at, line, report, err)
			}
			return
		}
		kind := fault.Kind == trail.Edited || fault.Kind == trail.Inserted
		if log[at] == '\n' && at+1 < len(log) && bytes.HasPrefix(log[at+1:], mark) {
			// A line and the checkpoint behind it are one line, or not quite a
			// checkpoint. What is missing is the checkpoint.
			kind = kind || fault.Kind == trail.Removed && fault.Line == line+1 || at == end-1 && (fault.Kind == trail.Truncated || fault.Kind == trail.Foreign)
		} else {
			kind = kind && fault.Line == line
		}
		if !kind {
			t.Errorf("%s at %d, line %d, known %d: %v", what, at, line, len(known), fault)
		}
	}
	for at, old := range log {
		if race.Enabled && at%16 != 0 { // nothing here is concurrent
			continue
		}
		for i, c := range []byte{old ^ 1, '\n', old ^ 0x80, '"'} {
			if c == old {
				continue
			}
			edited := bytes.Clone(log)
			edited[at] = c
			check(fmt.Sprintf("%q for %q", c, old), at, edited)
			if i == 0 {
				check(fmt.Sprintf("%q for %q", c, old), at, edited, last)
			}
		}
		check("nothing for a byte", at, slices.Delete(bytes.Clone(log), at, at+1))
		for _, c := range []byte{'x', '\n'} {
			check(fmt.Sprintf("%q more", c), at, slices.Insert(bytes.Clone(log), at, c))
		}
	}
}
