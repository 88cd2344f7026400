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

// A Document belongs to the caller who has created it. The version makes a
// write fail if the document has changed since it was read.
type Document struct {
	ID        string    `json:"id"`
	OwnerID   string    `json:"owner_id"`
	Title     string    `json:"title"`
	Content   string    `json:"content"`
	CreatedAt time.Time `json:"created_at"`

	ownerIssuer string // OwnerID is unique within this issuer
	version     int
}

var (
	errNoDocument = errors.New("no such document")
	errConflict   = errors.New("the document was changed in the meantime")
	errFull       = errors.New("the store is full")
	errShare      = errors.New("the owner has reached the limit of one owner")
)

// bounds says how much a store holds, in documents and in bytes: in total, and
// of one owner. By default an owner has about a hundredth of the total, so that
// one owner cannot fill the store.
type bounds struct{ documents, bytes, ownDocuments, ownBytes int }

var defaultBounds = bounds{documents: 50_000, bytes: 512 << 20, ownDocuments: 500, ownBytes: 5 << 20}

// size returns how many bytes a document takes, including the overhead of the
// store.
func (d *Document) size() int { return len(d.Title) + len(d.Content) + 512 }

// An owner is the caller that a document belongs to.
type owner struct{ issuer, subject string }

func (d *Document) owner() owner { return owner{d.ownerIssuer, d.OwnerID} }

// A shelf holds documents in the order of their creation.
type shelf struct {
	documents []*Document
	bytes     int
}

func (s *shelf) add(d *Document) {
	s.documents = append(s.documents, d)
	s.bytes += d.size()
}

func (s *shelf) remove(d *Document) {
	s.documents = slices.DeleteFunc(s.documents, func(other *Document) bool { return other == d })
	s.bytes -= d.size()
}

// A store keeps documents in memory. It writes only documents with a grant, and
// returns copies. A real service has a database here.
type store struct {
	bounds bounds

	mu    sync.RWMutex
	byID  map[string]*Document
	all   shelf
	owned map[owner]*shelf
}

func newStore(b bounds) *store {
	return &store{bounds: b, byID: map[string]*Document{}, owned: map[owner]*shelf{}}
}

// room returns an error if that many more documents or bytes do not fit. It
// checks the share of the owner first, because the owner can fix that.
func (s *store) room(of owner, documents, bytes int) error {
	if documents <= 0 && bytes <= 0 {
		return nil
	}
	if own := s.owned[of]; own != nil && (len(own.documents)+documents > s.bounds.ownDocuments || own.bytes+bytes > s.bounds.ownBytes) {
		return errShare
	}
	if len(s.all.documents)+documents > s.bounds.documents || s.all.bytes+bytes > s.bounds.bytes {
		return errFull
	}
	return nil
}

func (s *store) create(_ context.Context, grant authz.Granted[*Document]) (*Document, error) {
	said, err := grant.For("create")
	if err != nil {
		return nil, err
	}
	d := *said
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(d.owner(), 1, d.size()); err != nil {
		return nil, err
	}
	d.ID = strings.ToLower(rand.Text())
	d.CreatedAt = time.Now().UTC()
	s.byID[d.ID] = &d
	s.all.add(&d)
	if s.owned[d.owner()] == nil {
		s.owned[d.owner()] = &shelf{}
	}
	s.owned[d.owner()].add(&d)
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

// update changes the document, unless somebody else has changed it since it was
// read.
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
	changed := *known
	changed.Title, changed.Content = next.Title, next.Content
	more := changed.size() - known.size()
	if err := s.room(known.owner(), 0, more); err != nil {
		return nil, err
	}
	s.all.bytes += more
	s.owned[known.owner()].bytes += more
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
	s.all.remove(known)
	own := s.owned[known.owner()]
	if own.remove(known); len(own.documents) == 0 {
		delete(s.owned, known.owner())
	}
	return nil
}

// unchanged returns the stored document if it has the version that was read.
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

// list returns one page of the documents of an owner, newest first, and the
// number of all these documents. A nil owner stands for all owners.
func (s *store) list(_ context.Context, of *owner, limit, offset int) (page []*Document, total int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	from := &s.all
	if of != nil {
		from = s.owned[*of]
	}
	page = []*Document{}
	if from == nil {
		return page, 0
	}
	total = len(from.documents)
	for i := total - 1 - offset; i >= 0 && len(page) < limit; i-- {
		copied := *from.documents[i]
		page = append(page, &copied)
	}
	return page, total
}
