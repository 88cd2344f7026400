package trail_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bulwark-go/bulwark/audit/trail"
)

// Whatever a log holds, Verify returns. Of a log in order, the lines that are
// reported as signed are the lines that the trail has written, byte for byte.
func FuzzVerify(f *testing.F) {
	log := logOf(f, 12, 4)
	f.Add([]byte("a line\n"))
	f.Add(log)
	f.Add(log[:200])
	f.Add(bytes.Replace(log, []byte("record"), []byte("drocer"), 1))
	f.Add([]byte("{\"trail\":\"checkpoint\",\"note\":\"\"}\n"))
	f.Add(append(bytes.Clone(log[:len(log)*2/3]), "late and torn"...))
	checkpoint := bytes.Index(log, []byte(`{"trail":"checkpoint"`))
	f.Add(append(firstLines(log, 1+bytes.Count(log[:checkpoint], []byte("\n"))), "late\n"...))
	v := verifier(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := v.Verify(bytes.NewReader(data))
		if err != nil {
			return
		}
		signed := int(report.Lines - report.Unsigned)
		if report.First != 0 || report.Checkpoints == 0 || signed < 1 {
			t.Fatalf("in order without a signed line: %+v", report)
		}
		if have, wrote := firstLines(data, signed), firstLines(log, signed); !bytes.Equal(have, wrote) {
			t.Errorf("%d lines are reported as signed, and are\n%q\nwritten were\n%q", signed, have, wrote)
		}
	})
}

// firstLines returns the first n lines of a log.
func firstLines(log []byte, n int) []byte {
	return bytes.Join(bytes.SplitAfterN(log, []byte("\n"), n+1)[:min(n, bytes.Count(log, []byte("\n"))+1)], nil)
}

// A line of any bytes in any pieces is written as it is, and verified.
func FuzzWrite(f *testing.F) {
	f.Add([]byte("one\ntwo"), 2)
	f.Add([]byte("{\"trail\":\"checkpoint\","), 109) // refused as a whole
	f.Add([]byte("\n\n{\"trail\":\"checkpoint\","), 5)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		if len(data) > 1<<12 || piece < 1 {
			return
		}
		var out bytes.Buffer
		w, err := trail.New(&out, config(2))
		if err != nil {
			t.Fatal(err)
		}
		for rest := data; len(rest) > 0; {
			n := min(piece, len(rest))
			if _, err := w.Write(rest[:n]); err != nil && err != trail.ErrLikeCheckpoint {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		report, err := verifier(t).Verify(bytes.NewReader(out.Bytes()))
		if out.Len() == 0 { // nothing was written, which looks like a log that was emptied
			var fault *trail.Fault
			if !errors.As(err, &fault) || fault.Kind != trail.Foreign {
				t.Fatalf("an empty log: %+v %v", report, err)
			}
			return
		}
		if err != nil || report.Unsigned != 0 || report.Torn {
			t.Fatalf("%+v %v", report, err)
		}
	})
}
