package trail_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/trail"
)

// The numbers follow what is written, line by line.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &flaky{room: 1 << 20}
		began := time.Now()
		w, err := trail.New(log, trail.Config{Origin: origin, Signer: key, MaxUnsigned: 3, Interval: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		wait := func(d time.Duration) func() {
			return func() {
				time.Sleep(d)
				synctest.Wait()
			}
		}
		write := func(text string) func() { return func() { io.WriteString(w, text) } }
		at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
		for _, step := range []struct {
			name string
			do   func()
			want trail.Stats
		}{
			{"nothing yet", func() {}, trail.Stats{}},
			{"half a line", write("half "), trail.Stats{}},
			{"the other half", write("a line\n"), trail.Stats{Lines: 1, Unsigned: 1}},
			{"two lines at once", write("two\nthree\n"), trail.Stats{Lines: 4, Checkpoints: 1, LastCheckpoint: at(0)}},
			{"nobody writes", wait(6 * time.Second), trail.Stats{Lines: 4, Checkpoints: 1, LastCheckpoint: at(0)}},
			{"a line that waits", write("four\n"), trail.Stats{Lines: 5, Unsigned: 1, Checkpoints: 1, LastCheckpoint: at(0)}},
			{"the interval", wait(5 * time.Second), trail.Stats{Lines: 6, Checkpoints: 2, LastCheckpoint: at(11)}},
			{"no room for the checkpoint", func() {
				log.has(5)
				io.WriteString(w, "five\n")
				wait(5 * time.Second)()
			}, trail.Stats{Lines: 7, Unsigned: 1, Checkpoints: 2, Failed: 1, LastCheckpoint: at(11)}},
			// The timer does not give up, though nobody writes.
			{"no room again", wait(5 * time.Second), trail.Stats{Lines: 7, Unsigned: 1, Checkpoints: 2, Failed: 2, LastCheckpoint: at(11)}},
			{"room", func() {
				log.has(1 << 20)
				wait(5 * time.Second)()
			}, trail.Stats{Lines: 8, Checkpoints: 3, Failed: 2, LastCheckpoint: at(26)}},
			{"by hand", func() { io.WriteString(w, "six\n"); w.Checkpoint() }, trail.Stats{Lines: 10, Checkpoints: 4, Failed: 2, LastCheckpoint: at(26)}},
			{"by hand again", func() { w.Checkpoint() }, trail.Stats{Lines: 10, Checkpoints: 4, Failed: 2, LastCheckpoint: at(26)}},
			{"rotated", func() { wait(time.Second)(); w.Rotate(&flaky{room: 1 << 20}) }, trail.Stats{Lines: 12, Checkpoints: 6, Failed: 2, LastCheckpoint: at(27)}},
			{"closed", func() { io.WriteString(w, "seven\n"); w.Close() }, trail.Stats{Lines: 14, Checkpoints: 7, Failed: 2, LastCheckpoint: at(27)}},
			{"after that", func() { io.WriteString(w, "late\n"); wait(time.Hour)() }, trail.Stats{Lines: 14, Checkpoints: 7, Failed: 2, LastCheckpoint: at(27)}},
		} {
			step.do()
			if got := w.Stats(); got != step.want {
				t.Errorf("%s: %+v\nwant %+v", step.name, got, step.want)
			}
		}
	})
}

// An error of the timer goes to the next Write, unless a checkpoint has been
// written since.
func TestTheErrorOfTheTimer(t *testing.T) {
	for _, mended := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			log := &flaky{room: 4}
			w, err := trail.New(log, trail.Config{Origin: origin, Signer: key, Interval: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, "one\n")
			time.Sleep(5 * time.Second)
			synctest.Wait()
			log.has(1 << 20)
			want := errFull
			if mended {
				want = nil
				if err := w.Checkpoint(); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := io.WriteString(w, "two\n"); n != 4 || !errors.Is(err, want) {
				t.Errorf("mended %v: %d %v", mended, n, err)
			}
			if n, err := io.WriteString(w, "three\n"); n != 6 || err != nil {
				t.Errorf("mended %v: %d %v", mended, n, err)
			}
			w.Close()
		})
	}
}

// After Open the lines of the file are counted. When its last checkpoint was
// written is not known.
func TestStatsAfterOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, _, err := trail.Open(openFile(t, path), config(5))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Stats(); got.Lines != 1 || got.Checkpoints != 1 || got.LastCheckpoint.IsZero() {
		t.Errorf("an empty file: %+v", got)
	}
	io.WriteString(w, "1\n2\n3\n4\n5\n")
	w.Close()
	w, _, err = trail.Open(openFile(t, path), config(5))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Stats(); got != (trail.Stats{Lines: 7}) {
		t.Errorf("a file that was closed: %+v", got)
	}
	io.WriteString(w, "6\n7\nhalf") // and the program is gone
	w, _, err = trail.Open(openFile(t, path), config(5))
	if err != nil {
		t.Fatal(err)
	}
	got := w.Stats()
	if got.LastCheckpoint.IsZero() {
		t.Error("Open has written a checkpoint, and does not say when")
	}
	got.LastCheckpoint = time.Time{}
	if got != (trail.Stats{Lines: 11, Checkpoints: 1}) {
		t.Errorf("a file with unsigned lines: %+v", got)
	}
}

// A log that hangs does not hang those who look at the numbers.
func TestStatsOfALogThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs, goOn := make(chan bool), make(chan bool)
		w, err := trail.New(writerFunc(func(p []byte) (int, error) {
			hangs <- true
			<-goOn
			return len(p), nil
		}), config(5))
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(w, "one\n")
		<-hangs
		if got := w.Stats(); got != (trail.Stats{}) {
			t.Errorf("%+v", got)
		}
		goOn <- true
		synctest.Wait()
		if got := w.Stats(); got != (trail.Stats{Lines: 1, Unsigned: 1}) {
			t.Errorf("%+v", got)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// OnCheckpoint may ask, and any number of goroutines. Lines and Unsigned are
// those of one moment.
func TestStatsWhileOthersWrite(t *testing.T) {
	var w *trail.Writer
	c := config(5)
	c.OnCheckpoint = func(at trail.Checkpoint) {
		if got := w.Stats(); got.Unsigned != 0 || got.Lines != uint64(at.Size)+1 {
			t.Errorf("at the checkpoint of %d lines: %+v", at.Size, got)
		}
	}
	var err error
	if w, err = trail.New(io.Discard, c); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 250 {
				fmt.Fprintf(w, "record %d\n", i)
			}
		})
		all.Go(func() {
			last := trail.Stats{}
			for range 500 {
				now := w.Stats()
				if now.Lines < last.Lines || now.Checkpoints < last.Checkpoints || now.Unsigned > 5 {
					t.Errorf("%+v after %+v", now, last)
				}
				last = now
			}
		})
	}
	all.Wait()
	if got := w.Stats(); got.Lines != 1200 || got.Checkpoints != 200 || got.Unsigned != 0 {
		t.Errorf("%+v", got)
	}
}

// What was made without New or Open writes nothing and counts nothing.
func TestNoWriter(t *testing.T) {
	for name, w := range map[string]*trail.Writer{"nil": nil, "zero": {}} {
		if got := w.Stats(); got != (trail.Stats{}) {
			t.Errorf("%s: %+v", name, got)
		}
		_, write := w.Write([]byte("x\n"))
		for method, err := range map[string]error{"Write": write, "Checkpoint": w.Checkpoint(), "Rotate": w.Rotate(io.Discard), "Close": w.Close()} {
			var fault *bulwark.ConfigError
			if !errors.As(err, &fault) || fault.Field != "trail.Writer" {
				t.Errorf("%s: %s: %v", name, method, err)
			}
		}
	}
	var none *flaky
	if _, err := trail.New(none, config(5)); err == nil || err.Error() != "trail: has no log; pass the file that the lines go to" {
		t.Errorf("New without a log: %v", err)
	}
	if _, _, err := trail.Open(nil, config(5)); err == nil || err.Error() != "trail: has no log; pass the file that the lines go to" {
		t.Errorf("Open without a file: %v", err)
	}
	log := &flaky{room: 1 << 20}
	w, err := trail.New(log, config(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(none); err == nil || log.Len() != 0 {
		t.Errorf("Rotate to nothing: %v", err)
	}
	if _, err := io.WriteString(w, "still here\n"); err != nil || log.Len() == 0 {
		t.Errorf("after a Rotate that was refused: %v", err)
	}
}
