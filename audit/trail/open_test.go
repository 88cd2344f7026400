package trail_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/race"
)

func openFile(t testing.TB, name string) *os.File {
	t.Helper()
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// A trail goes on where it ended, however the program ended, and the whole file
// is in order.
func TestOpenGoesOn(t *testing.T) {
	for name, end := range map[string]struct {
		how      func(w *trail.Writer, file *os.File)
		unsigned int64
		torn     bool
	}{
		"closed":   {func(w *trail.Writer, _ *os.File) { w.Close() }, 0, false},
		"killed":   {func(*trail.Writer, *os.File) {}, 3, false},
		"torn":     {func(_ *trail.Writer, file *os.File) { io.WriteString(file, "half a rec") }, 3, true},
		"torn sum": {func(_ *trail.Writer, file *os.File) { io.WriteString(file, `{"trail":"checkpoint","note":"api`) }, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			file := openFile(t, path)
			w, report, err := trail.Open(file, config(5))
			if err != nil || report != (trail.Report{}) {
				t.Fatalf("%+v %v", report, err)
			}
			for i := range 23 {
				fmt.Fprintf(w, "first %d\n", i)
			}
			end.how(w, file)

			again := openFile(t, path)
			w, report, err = trail.Open(again, config(5))
			if err != nil || report.Torn != end.torn || report.Last.Size == 0 {
				t.Fatalf("%+v %v", report, err)
			}
			if want := end.unsigned + map[bool]int64{true: 0}[end.torn]; report.Unsigned != want {
				t.Errorf("%d lines unsigned, want %d", report.Unsigned, want)
			}
			// What was found is signed before anything is added to it.
			found, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if now, err := verifier(t).Verify(bytes.NewReader(found)); err != nil || now.Unsigned != 0 || now.Torn {
				t.Errorf("after Open: %+v %v", now, err)
			}
			for i := range 7 {
				fmt.Fprintf(w, "second %d\n", i)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := verifier(t).Verify(bytes.NewReader(data))
			if err != nil || whole.Unsigned != 0 || whole.Torn {
				t.Errorf("%+v %v\n%s", whole, err, data)
			}
			if !bytes.Contains(data, []byte("first 22\n")) || !bytes.Contains(data, []byte("second 6\n")) {
				t.Errorf("records are missing:\n%s", data)
			}
		})
	}
}

// The last checkpoint is found wherever it stands between blocks of the file,
// and a forged one behind it is not taken for it.
func TestOpenFindsTheLastCheckpoint(t *testing.T) {
	for _, padding := range []int{0, 1, 100, 64<<10 - 30, 64<<10 - 5, 64 << 10, 64<<10 + 7, 200 << 10} {
		path := filepath.Join(t.TempDir(), "log")
		w, _, err := trail.Open(openFile(t, path), config(2))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "one\ntwo\nthree\nfour\n")
		file := openFile(t, path)
		fmt.Fprintf(file, "%s\n{\"trail\":\"checkpoint\",\"note\":\"forged\"}\n", strings.Repeat("x", padding))
		w, report, err := trail.Open(openFile(t, path), config(2))
		if err != nil || report.Last.Size != 5 || report.Unsigned != 2 {
			t.Errorf("padding %d: %+v %v", padding, report, err)
			continue
		}
		w.Close()
		data, _ := os.ReadFile(path)
		if report, err := verifier(t).Verify(bytes.NewReader(data)); err != nil || report.Unsigned != 0 {
			t.Errorf("padding %d: %+v %v", padding, report, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := os.WriteFile(foreign, []byte("a log of somebody else\nwith lines\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := trail.Open(openFile(t, foreign), config(5)); err == nil || !strings.Contains(err.Error(), "begin a new file") {
		t.Errorf("a foreign log: %v", err)
	}
	stolen := config(5)
	stolen.Signer = seed(9)
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, logOf(t, 20, 5), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := trail.Open(openFile(t, path), stolen); err == nil {
		t.Error("another key goes on with the log")
	}
}

// A program that is killed in the middle of its writes leaves a log that Open
// goes on with. The test starts itself as that program.
func TestKilledInMidWrite(t *testing.T) {
	if path := os.Getenv("TRAIL_LOG"); path != "" {
		w, _, err := trail.Open(openFile(t, path), config(50))
		if err != nil {
			t.Fatal(err)
		}
		for i, written := 0, 0; ; i++ {
			n, _ := fmt.Fprintf(w, "record %d %s\n", i, strings.Repeat("x", i%3000))
			if before := written; before < 200<<10 && before+n >= 200<<10 {
				fmt.Println("enough")
			}
			written += n
		}
	}
	path := filepath.Join(t.TempDir(), "log")
	for round := range 8 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledInMidWrite$")
		cmd.Env = append(os.Environ(), "TRAIL_LOG="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// A program that ends too early closes its output, and the read fails.
		if _, err := io.ReadFull(out, make([]byte, 6)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		cmd.Process.Signal(syscall.SIGKILL)
		io.Copy(io.Discard, out)
		cmd.Wait()
		// As it was left, the log is in order, and says what is not signed and
		// whether its last line has an end.
		left, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		report, err := verifier(t).Verify(bytes.NewReader(left))
		if torn := left[len(left)-1] != '\n'; err != nil || report.Torn != torn || report.Unsigned > 52 {
			t.Errorf("round %d: torn %v: %+v %v", round, torn, report, err)
		}
	}
	w, report, err := trail.Open(openFile(t, path), config(50))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("after the last kill: %d lines unsigned, torn %v", report.Unsigned, report.Torn)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	whole, err := verifier(t).Verify(data)
	if err != nil || whole.Unsigned != 0 || whole.Torn {
		t.Errorf("%+v %v", whole, err)
	}
}

// A flaky is a log that takes only so much.
type flaky struct {
	bytes.Buffer
	mu   sync.Mutex
	room int
}

func (f *flaky) has(room int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room = room
}

var errFull = errors.New("no space left")

func (f *flaky) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p) > f.room {
		n, _ := f.Buffer.Write(p[:f.room])
		f.room = 0
		return n, errFull
	}
	f.room -= len(p)
	return f.Buffer.Write(p)
}

// A full disk tears records and checkpoints. When there is room again, the
// trail goes on, and the log is in order.
func TestFullDisk(t *testing.T) {
	for room := range 1200 {
		log := &flaky{room: room}
		w, err := trail.New(log, config(3))
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		for i := range 12 {
			if _, err := fmt.Fprintf(w, "record %d\n", i); err != nil {
				if !errors.Is(err, errFull) {
					t.Fatal(err)
				}
				if failed++; failed == 3 {
					log.has(1 << 20)
				}
			}
		}
		log.has(1 << 20)
		if err := w.Close(); err != nil {
			t.Fatalf("room %d: %v", room, err)
		}
		if report, err := verifier(t).Verify(bytes.NewReader(log.Bytes())); err != nil || report.Unsigned != 0 || report.Torn {
			t.Fatalf("room %d: %+v %v\n%s", room, report, err, log)
		}
	}
}

// A program is killed after any byte, or the disk was full there: Open goes on.
// No line is lost that was whole, and nothing is signed twice.
func TestOpenAfterEveryByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	w, _, err := trail.Open(openFile(t, whole), config(3))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "one\ntwo\nthree\n")
	io.WriteString(w, "four\n")
	w.Close()
	log, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(log, []byte("\n")); lines != 7 {
		t.Fatalf("%d lines", lines)
	}
	v := verifier(t)
	for n := range len(log) + 1 {
		if race.Enabled && n%16 != 0 { // nothing here is concurrent
			continue
		}
		path := filepath.Join(dir, "cut")
		if err := os.WriteFile(path, log[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		w, report, err := trail.Open(file, config(3))
		if torn := n > 0 && log[n-1] != '\n'; err != nil || report.Torn != torn {
			t.Fatalf("cut at byte %d: %+v %v", n, report, err)
		}
		io.WriteString(w, "more\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		file.Close()
		now, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(now, log[:n]) || !bytes.Contains(now[n:], []byte("\nmore\n")) && !bytes.HasPrefix(now[n:], []byte("more\n")) {
			t.Fatalf("cut at byte %d: the log is\n%s", n, now)
		}
		if report, err := v.Verify(bytes.NewReader(now)); err != nil || report.Unsigned != 0 || report.Torn || report.First != 0 {
			t.Fatalf("cut at byte %d: %+v %v\n%s", n, report, err, now)
		}
	}
}

// A disk is full from any byte on, and the program goes down before there is
// room again: Open goes on.
func TestOpenAfterAFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	for room := range 1200 {
		if race.Enabled && room%16 != 0 {
			continue
		}
		log := &flaky{room: 1 << 20}
		w, err := trail.New(log, config(3))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "one\ntwo\nthree\n")
		log.has(room)
		failed := 0
		for i := range 9 {
			if _, err := fmt.Fprintf(w, "record %d\n", i); err != nil {
				failed++
			}
			if i == 5 { // a little room, and no more
				log.has(7)
			}
		}
		if failed == 0 {
			t.Fatalf("room %d: there was room", room)
		}
		if err := os.WriteFile(path, log.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		again, report, err := trail.Open(file, config(3))
		if err != nil || report.Last.Size < 3 {
			t.Fatalf("room %d: %+v %v\n%s", room, report, err, log)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if report, err := verifier(t).Verify(bytes.NewReader(now)); err != nil || report.Unsigned != 0 || report.Torn {
			t.Fatalf("room %d: %+v %v\n%s", room, report, err, now)
		}
		file.Close()
	}
}

// The system says that the disk is full.
func TestDevFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if _, _, err := trail.Open(full, config(3)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Open: %v", err)
	}
	w, err := trail.New(full, config(3))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.WriteString(w, "one\n"); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write: %d %v", n, err)
	}
	if got := w.Stats(); got != (trail.Stats{}) {
		t.Errorf("%+v of a log that has taken nothing", got)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// If the next file does not take its first line, at any byte of it, the trail
// goes on in the file at hand, and may be rotated again.
func TestRotateFails(t *testing.T) {
	for room := 0; ; room++ {
		before, next, third := &flaky{room: 1 << 20}, &flaky{room: room}, &flaky{room: 1 << 20}
		w, err := trail.New(before, config(3))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "one\ntwo\n")
		if err := w.Rotate(next); err == nil {
			break
		} else if !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		if got, want := w.Stats().Lines, uint64(bytes.Count(before.Bytes(), []byte("\n"))); got != want {
			t.Fatalf("room %d: %d lines in the tree, %d in the log", room, got, want)
		}
		io.WriteString(w, "three\n")
		if err := w.Rotate(third); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "four\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if next.Len() != room {
			t.Fatalf("room %d: the file that was full has %d bytes", room, next.Len())
		}
		both := append(bytes.Clone(before.Bytes()), third.Bytes()...)
		for name, log := range map[string][]byte{"both": both, "the first": before.Bytes()} {
			if report, err := verifier(t).Verify(bytes.NewReader(log)); err != nil || report.Unsigned != 0 || report.Torn {
				t.Fatalf("room %d: %s: %+v %v\n%s", room, name, report, err, log)
			}
		}
		if report, err := verifier(t).VerifyNext(bytes.NewReader(third.Bytes())); err != nil || report.Unsigned != 0 {
			t.Fatalf("room %d: the next: %+v %v\n%s", room, report, err, third)
		}
		if room > 1000 {
			t.Fatal("the first line does not end")
		}
	}
}
