package documents

import (
	"context"
	"crypto/rand"
	"errors"

	"strings"

	"time"

	"github.com/bulwark-go/bulwark/authz"
)

// A Document belongs to the caller who has created it. The version makes a
// write fail if the document has changed since it was read.
//
// The tags say who may read and write a field of a document that the policy
// grants to the caller. A field without a write is never taken from a body.
type Document struct {
	ID        string    `json:"id" authz:"read=*"`
	OwnerID   string    `json:"owner_id" authz:"read=*"`
	Title     string    `json:"title" authz:"read=*,write=own|admin"`
	Content   string    `json:"content" authz:"read=*,write=own|admin"`
	CreatedAt time.Time `json:"created_at" authz:"read=*"`

	OwnerIssuer string `json:"-"` // OwnerID is unique within this issuer
	Version     int    `json:"-"`
}

// Size returns how many bytes a document takes, including the overhead of a
// store.
func (d *Document) Size() int { return len(d.Title) + len(d.Content) + 512 }

// An Owner is the caller that a document belongs to.
type Owner struct{ Issuer, Subject string }

// Owner returns the caller that the document belongs to.
func (d *Document) Owner() Owner { return Owner{d.OwnerIssuer, d.OwnerID} }

// A Store keeps documents. It writes only documents with a grant for that very
// action, of the caller and the request of ctx, and returns copies. Any error
// but those below is an outage of the store.
type Store interface {
	// Create stores a new document, with a new ID and the time of now.
	Create(ctx context.Context, grant authz.Granted[*Document]) (*Document, error)
	// Get returns a document, or ErrNoDocument.
	Get(ctx context.Context, id string) (*Document, error)
	// Update stores the new state of a document that authz.Decode has returned,
	// unless somebody else has changed the document since it was read: then it
	// returns ErrConflict. It returns what it has stored.
	Update(ctx context.Context, grant authz.Granted[*Document]) (*Document, error)
	// Delete removes the document, under the condition of Update.
	Delete(ctx context.Context, grant authz.Granted[*Document]) error
	// List returns one page of the documents of an owner, newest first, and the
	// number of all these documents. A nil owner stands for all owners.
	List(ctx context.Context, of *Owner, limit, offset int) (page []*Document, total int, err error)
}

// The errors of a Store. ErrFull is also an error of Accounts.
var (
	ErrNoDocument = errors.New("no such document")
	ErrConflict   = errors.New("the document was changed in the meantime")
	ErrFull       = errors.New("the store is full")
	ErrShare      = errors.New("the owner has reached the limit of one owner")
)

// Bounds says how much a Store holds, in documents and in bytes: in total, and
// of one owner. By default an owner has about a hundredth of the total, so that
// one owner cannot fill the store.
type Bounds struct{ Documents, Bytes, OwnDocuments, OwnBytes int }

// DefaultBounds are the bounds of a service of this size.
var DefaultBounds = Bounds{Documents: 50_000, Bytes: 512 << 20, OwnDocuments: 500, OwnBytes: 5 << 20}

// NewID returns a random id for a document or an account.
func NewID() string { return strings.ToLower(rand.Text()) }
