package trail

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
)

// Open goes on with the trail in a file, which has been opened for reading and
// appending: os.O_RDWR|os.O_APPEND|os.O_CREATE. In an empty file it begins a
// trail, with a checkpoint of no lines, so that Open can go on wherever the
// program is killed.
//
// Open looks for the last checkpoint, verifies it, and hashes the lines behind
// it. Open does not read the lines before the checkpoint. [Verifier.Verify]
// reads all lines.
//
// The Report has the last checkpoint, and the number of unsigned lines behind
// it. These lines can have been changed while the program did not run. Torn
// says that the last line has no end, as after a crash. Open ends such a line,
// and signs the lines behind the checkpoint with a new checkpoint.
//
// A file with lines and without a checkpoint of this origin and key is an
// error.
func Open(file *os.File, c Config) (*Writer, Report, error) {
	w, err := New(file, c)
	if err != nil {
		return nil, Report{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, Report{}, fmt.Errorf("trail: open the log: %w", err)
	}
	verifier, err := NewVerifier(VerifierKey(c.Origin, c.Signer.Public().(ed25519.PublicKey)))
	if err != nil {
		return nil, Report{}, err
	}
	w.mu.Lock() // a log that is long to read does not meet its own timer
	defer w.mu.Unlock()
	report, err := w.resume(file, info.Size(), verifier)
	if err == nil && (report.Unsigned > 0 || report.Torn || report.Checkpoints == 0) {
		w.torn = report.Torn
		err = w.checkpoint()
	}
	if err != nil {
		w.end()
		return nil, report, err
	}
	w.count()
	return w, report, nil
}

// resume sets the state of the trail from what the log holds.
func (w *Writer) resume(log io.ReaderAt, size int64, verifier *Verifier) (Report, error) {
	if begin, err := w.begins(log, size); begin || err != nil {
		return Report{Lines: min(size, 1), Torn: size > 0}, err
	}
	at, err := w.lastMark(log, size, verifier)
	if err != nil {
		return Report{}, err
	}
	report := Report{First: w.tree.size, Checkpoints: 1, Last: at.checkpoint}
	lines := bufio.NewReaderSize(io.NewSectionReader(log, at.offset, size-at.offset), 64<<10)
	for {
		piece, err := lines.ReadSlice('\n')
		w.hash(piece)
		switch {
		case errors.Is(err, bufio.ErrBufferFull), err == nil:
			continue
		case err == io.EOF:
			report.Lines = w.tree.size - report.First
			report.Unsigned = max(report.Lines-1, 0) // the checkpoint's own line is not a record
			report.Torn = w.leaf.begun
			w.since = int(min(report.Unsigned, maxUnsigned))
			if report.Torn {
				w.since = max(w.since, 1)
			}
			return report, nil
		default:
			return report, fmt.Errorf("trail: read the log: %w", err)
		}
	}
}

// begins reports whether a log holds nothing, or a part of its first line,
// which is a checkpoint. This part becomes the first line of the tree.
func (w *Writer) begins(log io.ReaderAt, size int64) (bool, error) {
	if size > firstMark {
		return false, nil
	}
	all := make([]byte, size)
	if _, err := log.ReadAt(all, 0); err != nil && err != io.EOF {
		return false, fmt.Errorf("trail: read the log: %w", err)
	}
	n := min(len(all), len(markPrefix))
	if string(all[:n]) != markPrefix[:n] || bytes.IndexByte(all, '\n') >= 0 {
		return false, nil
	}
	w.hash(all)
	return true, nil
}

// firstMark bounds a checkpoint of no lines. Its origin stands in it twice, at
// most with a backslash before each character.
const firstMark = 4*maxOrigin + 512

// A found is a checkpoint in a log.
type found struct {
	offset     int64
	checkpoint Checkpoint
}

// lastMark looks for the last good checkpoint from the end of the log, and sets
// the tree to where it stands.
func (w *Writer) lastMark(log io.ReaderAt, size int64, verifier *Verifier) (found, error) {
	const step = 64 << 10
	needle := []byte("\n" + markPrefix)
	block := make([]byte, step+len(needle))
	for end := size; end > 0; end -= step {
		begin := max(end-step, 0)
		// A needle may stand across the end of the block.
		read := block[:min(size-begin, end-begin+int64(len(needle)-1))]
		if _, err := log.ReadAt(read, begin); err != nil && err != io.EOF {
			return found{}, fmt.Errorf("trail: read the log: %w", err)
		}
		for len(read) > 0 {
			i := bytes.LastIndex(read, needle)
			offset := begin + int64(i) + 1
			if i < 0 {
				if begin > 0 || !isMark(read) {
					break
				}
				offset = 0
			}
			line, err := bufio.NewReaderSize(io.NewSectionReader(log, offset, min(size-offset, maxMark)), maxMark).ReadSlice('\n')
			if err == nil {
				if c, t, _, err := verifier.readMark(line); err == nil {
					w.tree = t
					return found{offset, c}, nil
				}
			}
			if i < 0 {
				break
			}
			read = read[:i]
		}
	}
	return found{}, errors.New("trail: the log has lines, and no checkpoint of this origin and key; begin a new file, or verify the log by its own key")
}
