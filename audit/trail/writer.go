package trail

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Writer passes a log through unchanged, hashes its lines, and writes a
// checkpoint after every so many of them. It is made by [New] or [Open]. It is
// safe for concurrent use.
type Writer struct {
	config Config

	mu     sync.Mutex
	out    io.Writer
	tree   tree
	leaf   leaf
	start  []byte // of the line at hand, as far as it tells a checkpoint from a record
	sums   []byte // of the lines since the last checkpoint
	since  int    // how many lines these are
	timer  *time.Timer
	closed bool
	torn   bool  // the log has taken a part of a line and no more
	failed error // of a checkpoint that the timer could not write; for the next caller

	statsMu sync.Mutex // not mu, which is held while the log is written
	stats   Stats
}

var (
	// ErrClosed is the error of a Write after Close.
	ErrClosed = errors.New("trail: the Writer is closed")
	// ErrLikeCheckpoint is the error of a Write with a line that begins as a
	// checkpoint does. A log that holds such lines could not be verified.
	ErrLikeCheckpoint = errors.New("trail: the line begins like a checkpoint, so it is not written")
)

// New begins a trail on an empty log. The error joins a
// *[bulwark.ConfigError] for everything that is wrong.
func New(w io.Writer, c Config) (*Writer, error) {
	if err := c.check(w); err != nil {
		return nil, err
	}
	return &Writer{config: c, out: w}, nil
}

// Write writes p to the log. If the log takes only a part of p, this part is
// hashed. Lines of two goroutines never mix, unless one call writes a part of a
// line. Write allocates nothing between checkpoints.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.enter(); err != nil {
		return 0, err
	}
	defer w.mu.Unlock()
	if err := w.mend(); err != nil {
		return 0, err
	}
	if w.forges(p) {
		return 0, ErrLikeCheckpoint
	}
	n, err := w.put(p)
	w.count()
	if err == nil && w.since >= w.config.MaxUnsigned {
		err = w.checkpoint()
	}
	if err == nil {
		err, w.failed = w.failed, nil
	}
	return n, err
}

// enter takes the lock, or reports why nothing can be written.
func (w *Writer) enter() error {
	if w == nil {
		return unmade()
	}
	w.mu.Lock()
	var err error
	switch {
	case w.out == nil:
		err = unmade()
	case w.closed:
		err = ErrClosed
	default:
		return nil
	}
	w.mu.Unlock()
	return err
}

// forges reports whether a line that p begins or goes on with would begin like
// a checkpoint.
func (w *Writer) forges(p []byte) bool {
	begun := len(w.start)
	for first := true; len(p) > 0; first = false {
		line, rest, _ := bytes.Cut(p, []byte("\n"))
		if !first {
			begun = 0
		}
		if begun < len(markPrefix) {
			var head [len(markPrefix)]byte
			have := copy(head[:], w.start[:begun])
			have += copy(head[have:], line)
			if have == len(markPrefix) && isMark(head[:]) {
				return true
			}
		}
		p = rest
	}
	return false
}

// hash takes what has been written into the tree.
func (w *Writer) hash(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n') + 1
		piece := p
		if end > 0 {
			piece = p[:end]
		}
		w.leaf.write(piece)
		if room := len(markPrefix) - len(w.start); room > 0 {
			w.start = append(w.start, piece[:min(room, len(piece))]...)
		}
		p = p[len(piece):]
		if end > 0 {
			w.line()
		}
	}
}

// line ends the line at hand.
func (w *Writer) line() {
	hashed := w.leaf.end()
	w.tree.add(hashed)
	w.start = w.start[:0]
	if len(w.sums) < maxSums {
		w.sums = append(w.sums, hashed[:sumBytes]...)
	}
	w.since++
	if w.since == 1 {
		w.wind()
	}
}

// wind starts the timer for the next checkpoint.
func (w *Writer) wind() {
	if w.timer == nil {
		w.timer = time.AfterFunc(w.config.Interval, w.late)
		return
	}
	w.timer.Reset(w.config.Interval)
}

// late writes the checkpoint for lines that have waited long enough.
func (w *Writer) late() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed || w.since == 0:
	case w.leaf.begun: // a line is on its way
		w.timer.Reset(w.config.Interval)
	default:
		w.failed = w.checkpoint()
	}
}

// Checkpoint writes a checkpoint now, if there are lines since the last one.
func (w *Writer) Checkpoint() error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if w.since == 0 {
		return nil
	}
	return w.checkpoint()
}

// checkpoint writes a checkpoint, and counts it. The lock is held. If it fails,
// the lines stay counted, and the timer tries again if no Write does so before.
func (w *Writer) checkpoint() error {
	c, err := w.putCheckpoint()
	w.countCheckpoint(err)
	if err != nil {
		w.wind()
		return err
	}
	w.failed = nil
	if w.config.OnCheckpoint != nil {
		w.config.OnCheckpoint(c)
	}
	return nil
}

// putCheckpoint writes a checkpoint. Its own line is a leaf as any other, so
// that nobody can take it out.
func (w *Writer) putCheckpoint() (Checkpoint, error) {
	w.torn = w.torn || w.leaf.begun
	if err := w.mend(); err != nil {
		return Checkpoint{}, err
	}
	c, err := sign(w.config.Origin, w.config.Signer, &w.tree)
	if err != nil {
		return Checkpoint{}, err
	}
	sums := w.sums
	if len(sums) >= maxSums { // some are missing
		sums = nil
	}
	line, err := markLine(c, &w.tree, sums)
	if err != nil {
		return Checkpoint{}, err
	}
	if _, err := w.put(line); err != nil {
		return Checkpoint{}, err
	}
	// The checkpoint's own line is the first line of the next checkpoint. It is
	// not a reason for one.
	own := w.sums[max(0, len(w.sums)-sumBytes):]
	w.sums, w.since = append(w.sums[:0], own...), 0
	if w.timer != nil {
		w.timer.Stop()
	}
	return c, nil
}

// mend ends a line of which the log has taken a part only.
func (w *Writer) mend() error {
	if !w.torn {
		return nil
	}
	w.torn = false
	_, err := w.put([]byte("\n"))
	w.count()
	return err
}

// put writes p and hashes what the log has taken.
func (w *Writer) put(p []byte) (int, error) {
	n, err := w.out.Write(p)
	n = max(0, min(n, len(p)))
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	w.hash(p[:n])
	w.torn = err != nil && w.leaf.begun
	return n, err
}

// Rotate ends the log at hand with a checkpoint and goes on in next, which is
// empty. The first line there is a checkpoint too: it says where the tree
// stands, so that each file can be verified, and the files together.
//
// After an error the trail goes on in the log at hand. If the program is killed
// in the middle of Rotate, next can be empty, or hold a part of one line: go on
// with [Open] in the log before.
func (w *Writer) Rotate(next io.Writer) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if fault.IsNil(next) {
		return errors.New("trail: rotate: the next log is nil; pass an open file")
	}
	if err := w.checkpoint(); err != nil {
		return err
	}
	out, tree, sums := w.out, w.tree, slices.Clone(w.sums)
	w.out = next
	err := w.checkpoint()
	if err != nil { // what next has taken is not a part of the trail
		w.out, w.tree, w.sums, w.since = out, tree, append(w.sums[:0], sums...), 0
		w.leaf.begun, w.start, w.torn = false, w.start[:0], false
		w.count()
	}
	return err
}

// Close writes the last checkpoint. It does not close the log below.
func (w *Writer) Close() error {
	err := w.enter()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	defer w.mu.Unlock()
	if w.since > 0 || w.leaf.begun {
		err = w.checkpoint()
	}
	w.end()
	return err
}

// end makes the Writer take nothing more.
func (w *Writer) end() {
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}
