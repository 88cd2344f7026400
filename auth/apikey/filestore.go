package apikey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A FileStore is a [Store] in memory that keeps its records in a JSON file, for
// one process with some thousands of keys. It is a type beside [MemoryStore],
// because a file has to be opened, can be damaged and has to be closed. Make it
// with [OpenFile]. A FileStore is safe for concurrent use.
//
// Each Create, Update and RevokeOwner is in the file before it returns nil: the
// whole content is written to a new file in the same folder, which then takes
// the place of the old file. A process that is killed, and a machine that loses
// its power, leave the old content or the new content, and nothing in between.
// Reading needs no file.
//
// If the file cannot be written, the change is not made, and the call returns
// an error: memory and file have the same records. A write that takes longer
// than 5 seconds is also an error. Such a change may still be made, as with any
// database.
//
// The times of LastUsed and StaleReported are written with the next change, by
// Sweep and by Close. A process that is killed loses those since then. So keys
// may be reported as stale twice. Call Sweep every few minutes.
//
// The file has hashes and no secrets. Only its owner may read it (mode 0600).
// Keep a copy of it, but do not restore an old copy without need: a key that
// was revoked since then works again.
type FileStore struct {
	file   *keyFile
	lines  fileLines // of the file; the goroutine that has the turn uses them
	max    int
	turn   chan struct{} // holds one element while a change is written
	mu     sync.RWMutex
	held   table
	marked atomic.Bool // a Mark is not in the file
	closed atomic.Bool
}

const (
	// fileTime bounds how long a change may take.
	fileTime = 5 * time.Second
	// mostInFile is the highest bound of the number of keys in a file.
	mostInFile  = 100_000
	usualInFile = 10_000
)

var (
	errClosed   = errors.New("apikey: the FileStore is closed")
	errUnopened = errors.New("apikey: the FileStore was made without OpenFile")
)

// OpenFile opens the file of a [FileStore]. If there is no such file, OpenFile
// makes it. The folder must exist. A link to a file that is not there is an
// error.
//
// The store holds at most max keys, and as many marks of owners. The time and
// the room of a change grow with their number: 10,000 keys are about 6 MB. 0
// means 10,000. At most 100,000.
//
// A file that is damaged, empty, of another format or of a later version is an
// error, and never an empty store. Only one process at a time can have the file
// open: it locks the file "path.lock" beside it. A system without such locks,
// and a lock that a network file system does not keep, are found out at the
// next change: the store refuses to write over a file that it has not written
// itself.
func OpenFile(path string, max int) (*FileStore, error) {
	if max == 0 {
		max = usualInFile
	}
	if max < 1 || max > mostInFile {
		return nil, fmt.Errorf("apikey: OpenFile: max is %d; it must be from 1 to %d, or 0 for %d", max, mostInFile, usualInFile)
	}
	file, held, err := openKeyFile(path, max)
	if err != nil {
		return nil, fmt.Errorf("apikey: OpenFile: %w", err)
	}
	return &FileStore{file: file, lines: fileLines{}, max: max, turn: make(chan struct{}, 1), held: held}, nil
}

// Close writes what is not yet in the file, and unlocks the file. All later
// calls fail.
func (s *FileStore) Close() error {
	if s.file == nil {
		return errUnopened
	}
	ctx, cancel := context.WithTimeout(context.Background(), fileTime)
	defer cancel()
	err := s.change(ctx, func(*table) (change, error) { return change{}, nil })
	if s.closed.Swap(true) {
		return errClosed
	}
	select {
	case s.turn <- struct{}{}: // for good
		return errors.Join(err, s.file.close())
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("apikey: a change of the file has not ended: %w", ctx.Err()))
	}
}

// ready returns an error if the call cannot begin.
func (s *FileStore) ready(ctx context.Context) error {
	if s.file == nil {
		return errUnopened
	}
	if s.closed.Load() {
		return errClosed
	}
	return ctx.Err()
}

// Get implements [Store].
func (s *FileStore) Get(ctx context.Context, id string) (Record, error) {
	if err := s.ready(ctx); err != nil {
		return Record{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.held.get(id)
}

// List implements [Store].
func (s *FileStore) List(ctx context.Context, f Filter) ([]Record, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.mu.RLock()
	all := s.held.matching(f)
	s.mu.RUnlock()
	return page(all, f.Limit), nil
}

// Mark implements [Store]. The mark is in the file after the next change.
func (s *FileStore) Mark(ctx context.Context, id string, mark Mark, at time.Time, every time.Duration) (bool, error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first, err := s.held.setMark(id, mark, at, every)
	if first {
		s.marked.Store(true)
	}
	return first, err
}

// Create implements [Store].
func (s *FileStore) Create(ctx context.Context, rec Record) error {
	rec = rec.clone() // the change may be made after the call has returned
	return s.change(ctx, func(t *table) (change, error) { return t.create(rec, s.max, time.Now()) })
}

// Update implements [Store].
func (s *FileStore) Update(ctx context.Context, rec Record) error {
	rec = rec.clone()
	return s.change(ctx, func(t *table) (change, error) { return t.update(rec) })
}

// RevokeOwner implements [Store].
func (s *FileStore) RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error {
	return s.change(ctx, func(t *table) (change, error) {
		return t.revokeOwner(owner{issuer, subject}, until, expires, s.max, time.Now())
	})
}

// Sweep implements [Store]. It also writes the marks that are not yet in the
// file.
func (s *FileStore) Sweep(ctx context.Context) error {
	return s.change(ctx, func(t *table) (change, error) { return t.sweep(time.Now()), nil })
}

// change makes one change at a time, and waits for it until ctx ends.
func (s *FileStore) change(ctx context.Context, prepare func(*table) (change, error)) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("apikey: another change of the file has not ended: %w", ctx.Err())
	}
	done := make(chan error, 1)
	go func() { // a disk that hangs cannot be interrupted
		defer func() { <-s.turn }()
		done <- s.write(prepare)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("apikey: the file is not written yet: %w", ctx.Err())
	}
}

// write writes the change to the file, and then makes it in memory.
func (s *FileStore) write(prepare func(*table) (change, error)) error {
	if s.closed.Load() {
		return errClosed
	}
	s.mu.RLock()
	c, err := prepare(&s.held)
	marked := s.marked.Load()
	if err != nil || c.empty() && !marked {
		s.mu.RUnlock()
		return err
	}
	s.marked.Store(false) // Mark waits for mu, so it is not lost
	content, err := contentOf(&s.held, c, s.lines)
	s.mu.RUnlock()
	if err == nil && c.put != nil && len(content) <= s.file.most { // else replace refuses it
		err = s.lines.check(c.put.ID, s.max)
	}
	replaced := false
	if err == nil {
		replaced, err = s.file.replace(content)
	}
	if !replaced {
		if c.put != nil {
			delete(s.lines, c.put.ID) // the next change has the same version
		}
		if marked {
			s.marked.Store(true)
		}
		return fmt.Errorf("apikey: the file is not changed: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.apply(c)
	return err
}
