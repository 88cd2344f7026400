package trail_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bulwark-go/bulwark/audit/trail"
)

// Whatever a log holds, Verify returns. It says that a log is in order and
// signed to the end only of a log that the trail has written.
func FuzzVerify(f *testing.F) {
	log := logOf(f, 12, 4)
	f.Add([]byte("a line\n"))
	f.Add(log)
	f.Add(log[:200])
	f.Add(bytes.Replace(log, []byte("record"), []byte("drocer"), 1))
	f.Add([]byte("{\"trail\":\"checkpoint\",\"note\":\"\"}\n"))
	v := verifier(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := v.Verify(bytes.NewReader(data))
		if err == nil && report.Checkpoints > 0 && !bytes.HasPrefix(log, data[:min(len(data), len(log)-500)]) && report.First == 0 {
			t.Errorf("a log of somebody else is in order: %+v", report)
		}
	})
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
