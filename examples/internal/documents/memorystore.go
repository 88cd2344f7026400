package documents

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/authz"
)

// A shelf holds documents in the order of their creation.
type shelf struct {
	documents []*Document
	bytes     int
}

func (s *shelf) add(d *Document) {
	s.documents = append(s.documents, d)
	s.bytes += d.Size()
}

func (s *shelf) remove(d *Document) {
	s.documents = slices.DeleteFunc(s.documents, func(other *Document) bool { return other == d })
	s.bytes -= d.Size()
}

// A memoryStore is a Store in memory, for one process.
type memoryStore struct {
	bounds Bounds

	mu    sync.RWMutex
	byID  map[string]*Document
	all   shelf
	owned map[Owner]*shelf
}

func newStore(b Bounds) *memoryStore {
	return &memoryStore{bounds: b, byID: map[string]*Document{}, owned: map[Owner]*shelf{}}
}

// room returns an error if that many more documents or bytes do not fit. It
// checks the share of the owner first, because the owner can fix that.
func (s *memoryStore) room(of Owner, documents, bytes int) error {
	if documents <= 0 && bytes <= 0 {
		return nil
	}
	if own := s.owned[of]; own != nil && (len(own.documents)+documents > s.bounds.OwnDocuments || own.bytes+bytes > s.bounds.OwnBytes) {
		return ErrShare
	}
	if len(s.all.documents)+documents > s.bounds.Documents || s.all.bytes+bytes > s.bounds.Bytes {
		return ErrFull
	}
	return nil
}

func (s *memoryStore) Create(ctx context.Context, grant authz.Granted[*Document]) (*Document, error) {
	said, err := grant.For(ctx, "create")
	if err != nil {
		return nil, err
	}
	d := *said
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(d.Owner(), 1, d.Size()); err != nil {
		return nil, err
	}
	d.ID = NewID()
	d.CreatedAt = time.Now().UTC()
	s.byID[d.ID] = &d
	s.all.add(&d)
	if s.owned[d.Owner()] == nil {
		s.owned[d.Owner()] = &shelf{}
	}
	s.owned[d.Owner()].add(&d)
	copied := d
	return &copied, nil
}

func (s *memoryStore) Get(_ context.Context, id string) (*Document, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, ok := s.byID[id]
	if !ok {
		return nil, ErrNoDocument
	}
	copied := *d
	return &copied, nil
}

func (s *memoryStore) Update(ctx context.Context, grant authz.Granted[*Document]) (*Document, error) {
	next, err := grant.For(ctx, "update")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.unchanged(next)
	if err != nil {
		return nil, err
	}
	more := next.Size() - known.Size()
	if err := s.room(known.Owner(), 0, more); err != nil {
		return nil, err
	}
	s.all.bytes += more
	s.owned[known.Owner()].bytes += more
	known.Title, known.Content = next.Title, next.Content
	known.Version++
	copied := *known
	return &copied, nil
}

func (s *memoryStore) Delete(ctx context.Context, grant authz.Granted[*Document]) error {
	read, err := grant.For(ctx, "delete")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.unchanged(read)
	if err != nil {
		return err
	}
	delete(s.byID, read.ID)
	s.all.remove(known)
	own := s.owned[known.Owner()]
	if own.remove(known); len(own.documents) == 0 {
		delete(s.owned, known.Owner())
	}
	return nil
}

// unchanged returns the stored document if it has the version that was read.
func (s *memoryStore) unchanged(read *Document) (*Document, error) {
	known, ok := s.byID[read.ID]
	switch {
	case !ok:
		return nil, ErrNoDocument
	case known.Version != read.Version:
		return nil, ErrConflict
	}
	return known, nil
}

func (s *memoryStore) List(_ context.Context, of *Owner, limit, offset int) (page []*Document, total int, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	from := &s.all
	if of != nil {
		from = s.owned[*of]
	}
	page = []*Document{}
	if from == nil {
		return page, 0, nil
	}
	total = len(from.documents)
	for i := total - 1 - offset; i >= 0 && len(page) < limit; i-- {
		copied := *from.documents[i]
		page = append(page, &copied)
	}
	return page, total, nil
}
