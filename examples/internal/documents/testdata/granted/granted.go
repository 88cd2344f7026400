// Package granted gives a document to the store with its grant. It compiles.
package granted

import (
	"context"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

func Delete(ctx context.Context, store documents.Store, d authz.Granted[*documents.Document]) error {
	return store.Delete(ctx, d)
}
