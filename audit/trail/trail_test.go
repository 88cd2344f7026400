package trail_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/race"
)

const origin = "api.example.com/audit"

// seed makes the keys of the tests.
func seed(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

var key = seed(1)

func verifier(t testing.TB) *trail.Verifier {
	t.Helper()
	v, err := trail.NewVerifier(trail.VerifierKey(origin, key.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func config(every int) trail.Config {
	return trail.Config{Origin: origin, Signer: key, MaxUnsigned: every, Interval: time.Hour}
}

// logOf writes records with a checkpoint after every so many of them, and at
// the end.
func logOf(t testing.TB, records, every int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := trail.New(&out, config(every))
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if _, err := fmt.Fprintf(w, `{"n":%d,"text":"record number %d"}`+"\n", i, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAnUntouchedLogIsInOrder(t *testing.T) {
	for _, records := range []int{1, 2, 3, 7, 8, 9, 100, 1001} {
		for _, every := range []int{1, 3, 8, 1000} {
			log := logOf(t, records, every)
			report, err := verifier(t).Verify(bytes.NewReader(log))
			if err != nil {
				t.Fatalf("%d records, a checkpoint every %d: %v", records, every, err)
			}
			if report.Unsigned != 0 || report.Torn || report.First != 0 || report.Lines != int64(bytes.Count(log, []byte("\n"))) {
				t.Errorf("%d records, a checkpoint every %d: %+v", records, every, report)
			}
			if want := (records + every - 1) / every; report.Checkpoints != want {
				t.Errorf("%d records, a checkpoint every %d: %d checkpoints, want %d", records, every, report.Checkpoints, want)
			}
		}
	}
}

// The lines in the log are those that were written, and whole.
func TestTheRecordsAreUnchanged(t *testing.T) {
	var records []string
	for line := range strings.Lines(string(logOf(t, 50, 7))) {
		if !strings.HasPrefix(line, `{"trail":"checkpoint",`) {
			records = append(records, line)
		}
	}
	for i, line := range records {
		if line != fmt.Sprintf(`{"n":%d,"text":"record number %d"}`+"\n", i, i) {
			t.Errorf("record %d is %q", i, line)
		}
	}
	if len(records) != 50 {
		t.Errorf("%d records", len(records))
	}
}

// A change of a byte that a checkpoint covers is found, near the line that was
// changed. [TestEveryByte] is stricter, with a smaller log.
func TestEveryEditIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine has no races, and is ten times slower under the detector")
	}
	log := logOf(t, 40, 8)
	if lines := bytes.Count(log, []byte("\n")); lines != 45 {
		t.Fatalf("%d lines", lines)
	}
	v := verifier(t)
	last := log[bytes.LastIndex(log, []byte(`{"trail"`)):]
	flips := []byte{1, 0x20, 0x80}
	if race.Enabled {
		flips = flips[:1] // one goroutine has no races, and is ten times slower
	}
	for at := range log {
		line := int64(1 + bytes.Count(log[:at], []byte("\n")))
		for _, flip := range flips {
			edited := bytes.Clone(log)
			edited[at] ^= flip
			report, err := v.Verify(bytes.NewReader(edited))
			var fault *trail.Fault
			if err == nil && (line == 45 || at == len(log)-len(last)-1) && report.Unsigned > 0 {
				continue // the last checkpoint is not one any more, and its lines are not signed
			}
			if !errors.As(err, &fault) {
				t.Fatalf("byte %d ^ %#x in line %d: %+v %v", at, flip, line, report, err)
			}
			// A line that becomes two, or two that become one, are found where
			// they are.
			if fault.Line < line-1 || fault.Line > line+1 {
				t.Fatalf("byte %d ^ %#x in line %d: %v", at, flip, line, fault)
			}
		}
	}
}

// What is done to whole lines is found, and called by its name.
func TestLinesOutOfPlace(t *testing.T) {
	log := logOf(t, 60, 10)
	all := bytes.SplitAfter(log, []byte("\n"))
	all = all[:len(all)-1]
	v := verifier(t)
	check := func(what string, lines [][]byte, line int, kinds ...trail.Kind) {
		t.Helper()
		report, err := v.Verify(bytes.NewReader(bytes.Join(lines, nil)))
		var fault *trail.Fault
		if !errors.As(err, &fault) {
			t.Errorf("%s: %+v %v", what, report, err)
			return
		}
		for _, kind := range kinds {
			if fault.Kind == kind && (line == 0 || fault.Line == int64(line)) {
				return
			}
		}
		t.Errorf("%s: %v, want %v in line %d", what, fault, kinds, line)
	}
	isMark := func(i int) bool { return bytes.HasPrefix(all[i], []byte(`{"trail"`)) }
	last := len(all) - 1
	for i := range last {
		without := append(append([][]byte{}, all[:i]...), all[i+1:]...)
		if isMark(i) {
			check(fmt.Sprintf("checkpoint %d removed", i+1), without, 0, trail.Removed, trail.Edited)
		} else {
			check(fmt.Sprintf("line %d removed", i+1), without, i+1, trail.Removed)
		}
		twice := append(append(append([][]byte{}, all[:i+1]...), all[i]), all[i+1:]...)
		check(fmt.Sprintf("line %d twice", i+1), twice, 0, trail.Inserted)
		more := append(append(append([][]byte{}, all[:i]...), []byte("{\"forged\":true}\n")), all[i:]...)
		check(fmt.Sprintf("a line before %d", i+1), more, i+1, trail.Inserted)
		if i+1 < last && !isMark(i) && !isMark(i+1) {
			swapped := append([][]byte{}, all...)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			check(fmt.Sprintf("lines %d and %d swapped", i+1, i+2), swapped, i+1, trail.Reordered)
		}
	}
	check("the beginning cut off", all[5:], 0, trail.Removed)
	check("two parts exchanged", append(append(append([][]byte{}, all[11:22]...), all[:11]...), all[22:]...), 0,
		trail.Foreign, trail.Inserted, trail.Reordered, trail.Edited, trail.Removed)
}

// Random changes of several lines at once are all found.
func TestRandomChangesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine has no races, and is ten times slower under the detector")
	}
	log := logOf(t, 80, 16)
	all := bytes.SplitAfter(log, []byte("\n"))
	all = all[:len(all)-1]
	v := verifier(t)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		lines := append([][]byte{}, all...)
		for range 1 + random.IntN(4) {
			i, j := random.IntN(len(lines)-1), random.IntN(len(lines)-1)
			switch random.IntN(4) {
			case 0:
				lines = append(append([][]byte{}, lines[:i]...), lines[i+1:]...)
			case 1:
				lines = append(append(append([][]byte{}, lines[:i]...), lines[j]), lines[i:]...)
			case 2:
				lines[i], lines[j] = lines[j], lines[i]
			case 3:
				changed := bytes.Clone(lines[i])
				changed[random.IntN(len(changed)-1)] ^= byte(1 + random.IntN(255))
				lines[i] = changed
			}
		}
		changed := bytes.Join(lines, nil)
		if bytes.Equal(changed, log) {
			continue
		}
		if report, err := v.Verify(bytes.NewReader(changed)); err == nil {
			t.Fatalf("round %d: %+v", round, report)
		}
	}
}

// A log that was cut off is in order as far as it goes. A checkpoint that was
// kept elsewhere shows that it was longer.
func TestTruncation(t *testing.T) {
	var kept []trail.Checkpoint
	var out bytes.Buffer
	c := config(10)
	c.OnCheckpoint = func(at trail.Checkpoint) { kept = append(kept, at) }
	w, err := trail.New(&out, c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		fmt.Fprintf(w, "record %d\n", i)
	}
	if len(kept) != 5 {
		t.Fatalf("%d checkpoints were told", len(kept))
	}
	v := verifier(t)
	for _, checkpoint := range kept {
		if again, err := v.Open(checkpoint.Note); err != nil || again != checkpoint {
			t.Errorf("the note of %d lines: %v", checkpoint.Size, err)
		}
	}
	if _, err := v.Verify(bytes.NewReader(out.Bytes()), kept...); err != nil {
		t.Errorf("the whole log: %v", err)
	}
	all := bytes.SplitAfter(out.Bytes(), []byte("\n"))
	short := bytes.Join(all[:22], nil) // with its second checkpoint
	if report, err := v.Verify(bytes.NewReader(short)); err != nil || report.Checkpoints != 2 {
		t.Errorf("without a known checkpoint: %+v %v", report, err)
	}
	var fault *trail.Fault
	if _, err := v.Verify(bytes.NewReader(short), kept[4], kept[0]); !errors.As(err, &fault) || fault.Kind != trail.Truncated || fault.Line != 23 {
		t.Errorf("with the last checkpoint known: %v", err)
	}
	// Another log by the same key, as whoever has stolen the key would write it.
	other := bytes.ReplaceAll(logOf(t, 50, 10), []byte("n"), []byte("n"))
	if _, err := v.Verify(bytes.NewReader(other), kept[1]); !errors.As(err, &fault) || fault.Kind != trail.Foreign {
		t.Errorf("another log of the same key: %v", err)
	}
	for _, at := range kept { // at every size: where there is no checkpoint, too
		part := all[:at.Size]
		if _, err := v.Verify(bytes.NewReader(bytes.Join(part, nil)), at); err != nil {
			t.Errorf("up to line %d: %v", at.Size, err)
		}
	}
}

func TestRotation(t *testing.T) {
	files := []*bytes.Buffer{{}, {}, {}}
	w, err := trail.New(files[0], config(7))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		if i == 20 || i == 40 {
			if err := w.Rotate(files[i/20]); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(w, "record %d\n", i)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	v := verifier(t)
	read := func(which ...int) (trail.Report, error) {
		var all []byte
		for _, i := range which {
			all = append(all, files[i].Bytes()...)
		}
		return v.Verify(bytes.NewReader(all))
	}
	whole, err := read(0, 1, 2)
	if err != nil || whole.First != 0 || whole.Unsigned != 0 {
		t.Errorf("all files: %+v %v", whole, err)
	}
	lines := int64(0)
	for i := range files {
		report, err := v.VerifyNext(bytes.NewReader(files[i].Bytes()))
		if err != nil || report.First != lines || report.Unsigned != 0 {
			t.Errorf("file %d alone: %+v %v, want %d lines before it", i, report, err, lines)
		}
		lines += report.Lines
	}
	if _, err := read(0, 2); err == nil {
		t.Error("a file in the middle is missing, and nobody sees it")
	}
	if _, err := read(1, 0, 2); err == nil {
		t.Error("files in another order")
	}
}

// A line waits no longer than Interval for its checkpoint.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int64
		var out bytes.Buffer
		w, err := trail.New(&out, trail.Config{Origin: origin, Signer: key, Interval: 5 * time.Second,
			OnCheckpoint: func(c trail.Checkpoint) { told = append(told, c.Size) }})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "one\ntwo\n")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if len(told) != 0 {
			t.Errorf("checkpoints %v before the interval", told)
		}
		io.WriteString(w, "half a ")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(told) != 0 {
			t.Error("a checkpoint in the middle of a line")
		}
		io.WriteString(w, "line\n")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if len(told) != 1 || told[0] != 3 {
			t.Errorf("checkpoints %v, want one after 3 lines", told)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(told) != 1 {
			t.Errorf("checkpoints %v of a log that nobody writes", told)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if report, err := verifier(t).Verify(&out); err != nil || report.Unsigned != 0 || report.Checkpoints != 1 {
			t.Errorf("%+v %v", report, err)
		}
	})
}

func TestConcurrentWriters(t *testing.T) {
	var out bytes.Buffer
	w, err := trail.New(&out, config(5))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 100 {
				fmt.Fprintf(w, "writer %d record %d\n", g, i)
				if i%30 == 0 {
					w.Checkpoint()
				}
			}
		})
	}
	all.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if report, err := verifier(t).Verify(bytes.NewReader(out.Bytes())); err != nil || report.Unsigned != 0 {
		t.Errorf("%+v %v", report, err)
	}
	if _, err := w.Write([]byte("late\n")); !errors.Is(err, trail.ErrClosed) {
		t.Errorf("a record after Close: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

// A line that begins as a checkpoint does is not written, however it comes.
func TestLinesLikeCheckpoints(t *testing.T) {
	for name, pieces := range map[string][]string{
		"whole":       {"{\"trail\":\"checkpoint\",\"note\":\"x\"}\n"},
		"second line": {"first\n{\"trail\":\"checkpoint\",}\n"},
		"in pieces":   {"{\"trail\":", "\"checkpoint\",\"note\":\"x\"}\n"},
	} {
		var out bytes.Buffer
		w, err := trail.New(&out, config(1000))
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			_, err = io.WriteString(w, piece)
		}
		if !errors.Is(err, trail.ErrLikeCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
		io.WriteString(w, "\nnext\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if report, err := verifier(t).Verify(&out); err != nil || report.Unsigned != 0 {
			t.Errorf("%s: %+v %v", name, report, err)
		}
	}
	// Further in it is text.
	var out bytes.Buffer
	w, _ := trail.New(&out, config(1))
	if _, err := io.WriteString(w, "said {\"trail\":\"checkpoint\",\n"); err != nil {
		t.Error(err)
	}
}

func TestKeys(t *testing.T) {
	log := logOf(t, 20, 5)
	for name, key := range map[string]string{
		"another key":    trail.VerifierKey(origin, seed(2).Public().(ed25519.PublicKey)),
		"another origin": trail.VerifierKey("api.example.com/other", key.Public().(ed25519.PublicKey)),
	} {
		v, err := trail.NewVerifier(key)
		if err != nil {
			t.Fatal(err)
		}
		var fault *trail.Fault
		if report, err := v.Verify(bytes.NewReader(log)); !errors.As(err, &fault) || fault.Kind != trail.Edited || fault.Line != 6 || report.Checkpoints != 0 {
			t.Errorf("%s: %+v %v", name, report, err)
		}
	}
	good := trail.VerifierKey(origin, key.Public().(ed25519.PublicKey))
	for _, bad := range []string{"", "x", "a+b", strings.Replace(good, "+", "+0", 1), good + "A", strings.Replace(good, "api", "app", 1), "a b" + good} {
		if _, err := trail.NewVerifier(bad); err == nil || !strings.Contains(err.Error(), "VerifierKey") {
			t.Errorf("NewVerifier(%q): %v", bad, err)
		}
	}
	if _, err := (*trail.Verifier)(nil).Open("x\n\ny"); err == nil {
		t.Error("a nil Verifier verifies")
	}
}

func TestConfigErrors(t *testing.T) {
	_, err := trail.New(io.Discard, trail.Config{Origin: "https://x", MaxUnsigned: -1, Interval: time.Millisecond})
	for _, field := range []string{"trail.Origin", "trail.Signer", "trail.MaxUnsigned", "trail.Interval"} {
		if err == nil || !strings.Contains(err.Error(), field+":") {
			t.Errorf("%v does not name %s", err, field)
		}
	}
	var zero trail.Writer
	var fault *bulwark.ConfigError
	if _, err := zero.Write([]byte("x\n")); !errors.As(err, &fault) {
		t.Errorf("the zero Writer: %v", err)
	}
}

// What is left of a log is not in order only because nothing in it is wrong: an
// attacker takes the lines of an attack out with everything before them, writes
// other lines in place of all, or empties the file.
func TestWhatIsMissingAltogether(t *testing.T) {
	v := verifier(t)
	log := logOf(t, 40, 8)
	all := bytes.SplitAfter(log, []byte("\n"))
	cuts := 0
	for i, line := range all {
		if i == 0 || !bytes.HasPrefix(line, []byte(`{"trail"`)) {
			continue
		}
		cuts++
		var fault *trail.Fault
		rest := bytes.Join(all[i:], nil)
		report, err := v.Verify(bytes.NewReader(rest))
		if !errors.As(err, &fault) || fault.Kind != trail.Foreign || fault.Line != 1 || report.First != int64(i) {
			t.Errorf("cut off at the checkpoint in line %d: %+v %v", i+1, report, err)
		}
		// Who knows that this is the next file says so.
		if report, err := v.VerifyNext(bytes.NewReader(rest)); err != nil || report.First != int64(i) || report.Unsigned != 0 {
			t.Errorf("from line %d on: %+v %v", i+1, report, err)
		}
	}
	if cuts != 5 {
		t.Fatalf("%d cuts", cuts)
	}
	for name, log := range map[string]string{"emptied": "", "other lines": "all\nnew\nlines\n", "one torn line": "half"} {
		for method, verify := range map[string]func(io.Reader, ...trail.Checkpoint) (trail.Report, error){"Verify": v.Verify, "VerifyNext": v.VerifyNext} {
			var fault *trail.Fault
			if report, err := verify(strings.NewReader(log)); !errors.As(err, &fault) || fault.Kind != trail.Foreign || report.Checkpoints != 0 {
				t.Errorf("%s, %s: %+v %v", name, method, report, err)
			}
		}
	}
}

// A checkpoint in a log has the one signature that the trail has made: also the
// last one, which no later checkpoint covers.
func TestNothingIsAddedToTheLastCheckpoint(t *testing.T) {
	log := logOf(t, 5, 5)
	for name, changed := range map[string][]byte{
		"a signature of somebody else": bytes.Replace(log, []byte(`\n","frontier"`), []byte(`\n— witness.example AAAAAAAA\n","frontier"`), 1),
		"a space":                      bytes.Replace(log, []byte(`,"frontier"`), []byte(`, "frontier"`), 1),
		"another member":               bytes.Replace(log, []byte(`,"frontier"`), []byte(`,"more":1,"frontier"`), 1),
	} {
		var fault *trail.Fault
		if bytes.Equal(changed, log) {
			t.Fatalf("%s: nothing is changed", name)
		}
		if report, err := verifier(t).Verify(bytes.NewReader(changed)); !errors.As(err, &fault) || fault.Kind != trail.Edited || fault.Line != 6 {
			t.Errorf("%s: %+v %v", name, report, err)
		}
	}
}
