// Package raw gives a document to the store that nobody has checked. It does
// not compile.
package raw

import (
	"context"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

func Delete(ctx context.Context, store documents.Store, d *documents.Document) error {
	return store.Delete(ctx, d)
}

func Update(ctx context.Context, store documents.Store, d *documents.Document) (*documents.Document, error) {
	return store.Update(ctx, d)
}

func Create(ctx context.Context, store documents.Store) (*documents.Document, error) {
	return store.Create(ctx, &documents.Document{Title: "T"})
}
