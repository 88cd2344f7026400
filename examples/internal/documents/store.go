package documents

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/authz"
)

// A Document is what the API is about. Version makes a write fail that was
// decided on something older.
type Document struct {
	ID        string    `json:"id"`
	OwnerID   string    `json:"owner_id"`
	Title     string    `json:"title"`
	Content   string    `json:"content"`
	CreatedAt time.Time `json:"created_at"`

	ownerIssuer string // OwnerID is unique within it
	version     int
}

var (
	errNoDocument = errors.New("no such document")
	errConflict   = errors.New("the document was changed in the meantime")
	errFull       = errors.New("the store is full")
)

// maxDocuments bounds the memory of the store.
const maxDocuments = 10_000

// A store keeps documents in memory, in the order of their creation. It writes
// only what has been granted, and what it returns are copies. A real service
// has a database here.
type store struct {
	mu   sync.RWMutex
	byID map[string]*Document
	all  []*Document
}

func newStore() *store { return &store{byID: map[string]*Document{}} }

func (s *store) create(_ context.Context, grant authz.Granted[*Document]) (*Document, error) {
	said, err := grant.For("create")
	if err != nil {
		return nil, err
	}
	d := *said
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= maxDocuments {
		return nil, errFull
	}
	d.ID = strings.ToLower(rand.Text())
	d.CreatedAt = time.Now().UTC()
	s.byID[d.ID] = &d
	s.all = append(s.all, &d)
	copied := d
	return &copied, nil
}

func (s *store) get(_ context.Context, id string) (*Document, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, ok := s.byID[id]
	if !ok {
		return nil, errNoDocument
	}
	copied := *d
	return &copied, nil
}

// update writes what has been granted, if nobody else has since it was read.
func (s *store) update(_ context.Context, grant authz.Granted[*Document], next draft) (*Document, error) {
	read, err := grant.For("update")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.unchanged(read)
	if err != nil {
		return nil, err
	}
	known.Title, known.Content = next.Title, next.Content
	known.version++
	copied := *known
	return &copied, nil
}

func (s *store) delete(_ context.Context, grant authz.Granted[*Document]) error {
	read, err := grant.For("delete")
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
	s.all = slices.DeleteFunc(s.all, func(other *Document) bool { return other == known })
	return nil
}

// unchanged returns the stored document if it is still the one that was read.
func (s *store) unchanged(read *Document) (*Document, error) {
	known, ok := s.byID[read.ID]
	switch {
	case !ok:
		return nil, errNoDocument
	case known.version != read.version:
		return nil, errConflict
	}
	return known, nil
}

// list returns one page of the documents that keep lets through, oldest first,
// and how many there are in all.
func (s *store) list(_ context.Context, keep func(*Document) bool, limit, offset int) (page []*Document, total int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	page = []*Document{}
	for _, d := range s.all {
		if !keep(d) {
			continue
		}
		if total >= offset && len(page) < limit {
			copied := *d
			page = append(page, &copied)
		}
		total++
	}
	return page, total
}
