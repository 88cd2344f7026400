package trail_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/race"
)

// Between checkpoints a record costs no allocation.
func TestAppendDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	w, err := trail.New(io.Discard, trail.Config{Origin: origin, Signer: key, MaxUnsigned: 10_000, Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	record := append(bytes.Repeat([]byte("x"), 319), '\n')
	for range 4000 { // so that the sums have room
		w.Write(record)
	}
	if n := testing.AllocsPerRun(2000, func() { w.Write(record) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	w, err := trail.New(io.Discard, trail.Config{Origin: origin, Signer: key, MaxUnsigned: 10_000, Interval: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	record := append(bytes.Repeat([]byte("x"), 319), '\n')
	b.ReportAllocs()
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		w.Write(record)
	}
}
