package trail

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// A Report says what a log holds, as far as it is in order.
type Report struct {
	// First is the number of lines in the logs before: 0 for a trail that
	// begins here.
	First int64
	// Lines are the lines that were read, checkpoints included.
	Lines int64
	// Checkpoints are the checkpoints that were verified.
	Checkpoints int
	// Last is the last of them. It is zero if there is none.
	Last Checkpoint
	// Unsigned are the lines after the last checkpoint. Nothing is known about
	// them, except the checkpoint's own line.
	Unsigned int64
	// Torn says that the log ends in the middle of a line.
	Torn bool
}

// A Kind is what was done to a log.
type Kind string

// What a [Fault] may be.
const (
	Edited    Kind = "edited"    // a line has other bytes
	Removed   Kind = "removed"   // lines are missing before this line
	Inserted  Kind = "inserted"  // the line was not written by the trail
	Reordered Kind = "reordered" // lines stand in another order, from this line on
	Truncated Kind = "truncated" // the log ends before a known checkpoint
	Foreign   Kind = "foreign"   // the log begins as another log, or with a part missing
)

// A Fault is the first thing in a log that is not in order.
type Fault struct {
	// Kind is what was done to the log.
	Kind Kind
	// Line is the number of the line in what was read, counted from 1. For
	// Truncated it is the first line that is missing or has no end.
	Line int64
	// Detail says more, in one sentence, without text of the log.
	Detail string
}

// Error returns the line, the kind and the detail.
func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s: %s", f.Line, f.Kind, f.Detail) }

// Verify reads a log from its beginning, or all logs of a rotation one after
// the other, and checks every checkpoint in it. A known checkpoint is a
// checkpoint that was kept on another machine: the log must have the lines that
// the checkpoint signs. The error is a *[Fault], or an error of reading.
//
// A log that goes on from a log that was not read is a fault, and so is a log
// without any checkpoint, such as an empty one: nothing shows that lines were
// not removed. Without a known checkpoint Verify cannot see that a log was cut
// off at an earlier checkpoint: see [Config.OnCheckpoint]. Look at
// [Report.Unsigned] for the lines that no checkpoint signs. Verify reads lines
// of any length in bounded memory.
func (v *Verifier) Verify(log io.Reader, known ...Checkpoint) (Report, error) {
	return v.verify(log, false, known)
}

// VerifyNext is Verify for a log that goes on from another one, which is not at
// hand. [Report.First] is the number of lines that are taken on trust: compare
// it with the end of the log before. A known checkpoint of a log before is
// passed over.
func (v *Verifier) VerifyNext(log io.Reader, known ...Checkpoint) (Report, error) {
	return v.verify(log, true, known)
}

func (v *Verifier) verify(log io.Reader, next bool, known []Checkpoint) (Report, error) {
	s := &scan{verifier: v, next: next, known: slices.Clone(known)}
	slices.SortFunc(s.known, func(a, b Checkpoint) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	err := s.read(log)
	s.report.Unsigned = s.tree.size - s.signed
	if err == nil {
		err = s.finish()
	}
	return s.report, err
}

// A scan is one pass over a log.
type scan struct {
	verifier *Verifier
	next     bool         // the log may go on from another one
	known    []Checkpoint // that are still to come, by size
	met      bool         // one of them was reached
	other    *Fault       // one of them is that of another log; a checkpoint on the next line can tell more
	report   Report
	tree     tree
	signed   int64 // how many lines the last checkpoint and its own line are

	from   int64     // the number of the first of sums
	sums   [][4]byte // of the lines since the last checkpoint
	marked []int64   // those of them that look like checkpoints
}

const damaged = "the checkpoint is damaged, or not signed by this key"

// maxMark bounds a checkpoint's line. A longer line is a record.
const maxMark = 64<<10 + 2*maxSums

// read reads all lines.
func (s *scan) read(log io.Reader) error {
	buffered := bufio.NewReaderSize(log, 64<<10)
	var hashed leaf
	for {
		var mark []byte // the line, if it looks like a checkpoint
		whole := false
		for first := true; !whole; first = false {
			piece, err := buffered.ReadSlice('\n')
			if len(piece) > 0 {
				hashed.write(piece)
				whole = piece[len(piece)-1] == '\n'
				if first && isMark(piece) || mark != nil && len(mark) < maxMark {
					mark = append(mark, piece...)
				}
			}
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				continue
			case err == io.EOF:
				if len(piece) == 0 && !hashed.begun {
					return nil
				}
				if !whole {
					s.report.Torn = true
					return s.add(hashed.end())
				}
			case err != nil:
				return fmt.Errorf("trail: read line %d: %w", s.report.Lines+1, err)
			}
		}
		if mark != nil {
			if err := s.checkpoint(mark); err != nil {
				return err
			}
		}
		if err := s.add(hashed.end()); err != nil {
			return err
		}
		if mark != nil && s.signed == s.tree.size-1 {
			s.signed = s.tree.size // the checkpoint's own line
		}
	}
}

// add counts a line.
func (s *scan) add(hashed sum) error {
	if s.other != nil {
		return s.other
	}
	s.report.Lines++
	s.tree.add(hashed)
	if len(s.sums) < 4*maxUnsigned {
		s.sums = append(s.sums, [4]byte(hashed[:sumBytes]))
	}
	s.meet()
	return nil
}

// checkpoint compares what was read with a checkpoint that comes next.
func (s *scan) checkpoint(line []byte) error {
	here := s.report.Lines + 1
	c, at, sums, err := s.verifier.readMark(line)
	if err != nil {
		// A checkpoint that a crash has torn looks so. The next one tells
		// whether this line is as it was written.
		s.marked = append(s.marked[:min(len(s.marked), 16)], here)
		return nil
	}
	if s.report.Lines == 0 && c.Size > 0 { // the log goes on from another one
		s.report.First, s.tree, s.from = c.Size, at, c.Size
		if !s.next {
			return &Fault{Foreign, here, fmt.Sprintf("the log goes on after %s that are not here", lines(int(c.Size)))}
		}
		s.meet()
	}
	if c.Size != s.tree.size || c.Root != s.tree.root() {
		return s.differ(here, c, sums)
	}
	if again, err := markLine(c, &at, sums); err != nil || !bytes.Equal(again, line) {
		return &Fault{Edited, here, "the line of the checkpoint is written in another way"}
	}
	if len(sums) > 0 && s.report.Lines > 0 && !s.same(sums) {
		return &Fault{Edited, here, "the checkpoint does not name the lines before it"}
	}
	s.report.Checkpoints++
	s.report.Last = c
	s.signed = s.tree.size
	s.from, s.sums, s.marked = s.tree.size, s.sums[:0], s.marked[:0]
	return nil
}

// same reports whether the sums of a checkpoint are those of the lines read.
func (s *scan) same(sums []byte) bool {
	if len(s.sums) >= 4*maxUnsigned {
		return true // not all were kept
	}
	have := make([]byte, 0, len(s.sums)*sumBytes)
	for _, one := range s.sums {
		have = append(have, one[:]...)
	}
	// The lines before a checkpoint that lacked its last byte, when the disk
	// was full, stand in the next checkpoint again.
	return bytes.HasSuffix(have, sums) || bytes.HasSuffix(sums, have)
}

// meet compares the tree with the checkpoints of its size that are known from
// elsewhere.
func (s *scan) meet() {
	for len(s.known) > 0 && s.known[0].Size <= s.tree.size {
		known := s.known[0]
		s.known = s.known[1:]
		s.met = s.met || known.Size == s.tree.size
		if known.Size == s.tree.size && known.Root != s.tree.root() && s.other == nil {
			s.other = &Fault{Foreign, s.report.Lines, fmt.Sprintf("the log up to this line is not that of the checkpoint after %d lines that is known", known.Size)}
		}
	}
}

// finish looks for known checkpoints that the log does not reach.
func (s *scan) finish() error {
	end := s.report.Lines + 1
	if s.report.Torn {
		end--
	}
	switch {
	case s.other != nil && s.report.Torn && s.other.Line == end:
		return &Fault{Truncated, end, "the log ends in the middle of a line, and a checkpoint of the whole line is known"}
	case s.other != nil:
		return s.other
	}
	if len(s.marked) > 0 && !(s.report.Torn && s.marked[0] == s.report.Lines) {
		return &Fault{Edited, s.marked[0], damaged}
	}
	for _, known := range s.known {
		if known.Size > s.tree.size {
			return &Fault{Truncated, end,
				fmt.Sprintf("the log ends after %d lines, and a checkpoint after %d is known", s.tree.size, known.Size)}
		}
	}
	if s.report.Checkpoints == 0 && !s.met {
		return &Fault{Foreign, 1, "there is no checkpoint of this key in " + lines(int(s.report.Lines))}
	}
	return nil
}

// differ finds out what was done to the lines between two checkpoints.
func (s *scan) differ(here int64, c Checkpoint, sums []byte) *Fault {
	want := make([][4]byte, len(sums)/sumBytes)
	for i := range want {
		want[i] = [4]byte(sums[i*sumBytes:])
	}
	have := s.sums
	first := here - int64(len(have)) // the number of the line of have[0]
	begin := c.Size - int64(len(want))
	switch {
	case c.Size < s.from || c.Size == s.from && s.report.Checkpoints > 0:
		return &Fault{Inserted, here, "the checkpoint stands for lines that an earlier checkpoint stands for"}
	case c.Size == 0: // of a log that was rotated before it had a line
		return &Fault{Inserted, first, lines(len(have)) + " before the checkpoint that begins the log"}
	case len(want) == 0 || len(have) >= 4*maxUnsigned:
		return &Fault{Edited, first, fmt.Sprintf("the lines up to the checkpoint in line %d are not those that it stands for", here)}
	case begin > s.from && len(s.marked) > 0:
		return &Fault{Edited, s.marked[0], damaged}
	case begin > s.from:
		// A checkpoint is missing. It stood for the lines before begin. If no
		// line stands in its place, it was removed, and others with it.
		if n := sameEnd(have, want); int64(len(have)-n) <= begin-s.from {
			return &Fault{Removed, here - int64(n), "lines before this one are missing, and checkpoints with them"}
		}
	}
	if begin < s.from { // see same
		want, begin = want[s.from-begin:], s.from
	}
	have, first = have[begin-s.from:], first+begin-s.from
	i := 0
	for i < len(have) && i < len(want) && have[i] == want[i] {
		i++
	}
	line := first + int64(i)
	left, right := have[i:], want[i:]
	n := sameEnd(left, right)
	left, right = left[:len(left)-n], right[:len(right)-n]
	switch {
	case len(left) == 0 && len(right) == 0:
		return &Fault{Edited, first, "the lines before this one are not those that the next checkpoint stands for"}
	case len(left) == 0:
		return &Fault{Removed, line, lines(len(right)) + " missing before this line"}
	case len(right) == 0:
		return &Fault{Inserted, line, lines(len(left)) + " not written by the trail"}
	case len(left) == len(right) && permuted(left, right):
		return &Fault{Reordered, line, fmt.Sprintf("%d lines stand in another order", len(left))}
	}
	return &Fault{Edited, line, fmt.Sprintf("%s in place of %s that the trail has written", lines(len(left)), lines(len(right)))}
}

// sameEnd returns how many sums are the same at the end of two lists.
func sameEnd(a, b [][4]byte) (n int) {
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

func lines(n int) string {
	if n == 1 {
		return "1 line"
	}
	return strconv.Itoa(n) + " lines"
}

// permuted reports whether two lists hold the same sums.
func permuted(a, b [][4]byte) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	order := func(x, y [4]byte) int { return bytes.Compare(x[:], y[:]) }
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	return slices.Equal(a, b)
}
