package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

// A shelf is the documents.Store of all processes. Two writes at once, in two
// processes, may both find the last free place, so a bound may be exceeded by
// as many documents as there are processes.
type shelf struct {
	table
	bounds documents.Bounds
}

const documentColumns = "id, issuer, owner, title, content, created, version"

func scanDocument(scan func(...any) error) (*documents.Document, error) {
	var d documents.Document
	var created int64
	err := scan(&d.ID, &d.OwnerIssuer, &d.OwnerID, &d.Title, &d.Content, &created, &d.Version)
	d.CreatedAt = time.UnixMicro(created).UTC()
	return &d, err
}

func (s shelf) Create(ctx context.Context, grant authz.Granted[*documents.Document]) (*documents.Document, error) {
	said, err := grant.For(ctx, "create")
	if err != nil {
		return nil, err
	}
	d := *said
	if err := s.room(ctx, d.Owner(), 1, d.Size()); err != nil {
		return nil, err
	}
	d.ID, d.CreatedAt = documents.NewID(), time.Now().UTC().Truncate(time.Microsecond)
	_, err = s.change(ctx, `INSERT INTO documents (`+documentColumns+`, size) VALUES ($1, $2, $3, $4, $5, $6, 0, $7)`,
		d.ID, d.OwnerIssuer, d.OwnerID, d.Title, d.Content, d.CreatedAt.UnixMicro(), d.Size())
	return &d, err
}

// room returns an error if that many more documents or bytes do not fit.
func (s shelf) room(ctx context.Context, of documents.Owner, more, bytes int) error {
	if more <= 0 && bytes <= 0 {
		return nil
	}
	var own, ownBytes, all, allBytes int
	_, err := s.ask(ctx, []any{&own, &ownBytes, &all, &allBytes}, `SELECT
		(SELECT count(*) FROM documents WHERE issuer = $1 AND owner = $2),
		(SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM documents WHERE issuer = $1 AND owner = $2),
		(SELECT count(*) FROM documents), (SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM documents)`, of.Issuer, of.Subject)
	switch {
	case err != nil:
		return err
	case own+more > s.bounds.OwnDocuments || ownBytes+bytes > s.bounds.OwnBytes:
		return documents.ErrShare
	case all+more > s.bounds.Documents || allBytes+bytes > s.bounds.Bytes:
		return documents.ErrFull
	}
	return nil
}

func (s shelf) Get(ctx context.Context, id string) (*documents.Document, error) {
	var found *documents.Document
	err := s.each(ctx, func(rows *sql.Rows) (err error) {
		found, err = scanDocument(rows.Scan)
		return err
	}, `SELECT `+documentColumns+` FROM documents WHERE id = $1`, id)
	if err == nil && found == nil {
		return nil, documents.ErrNoDocument
	}
	return found, err
}

// Update compares and swaps: the one statement that writes also compares the
// version. The document is read for its size alone.
func (s shelf) Update(ctx context.Context, grant authz.Granted[*documents.Document]) (*documents.Document, error) {
	next, err := grant.For(ctx, "update")
	if err != nil {
		return nil, err
	}
	read, err := s.Get(ctx, next.ID)
	if err != nil {
		return nil, err
	}
	changed := *next
	changed.Version++
	if err := s.room(ctx, read.Owner(), 0, changed.Size()-read.Size()); err != nil {
		return nil, err
	}
	n, err := s.change(ctx, `UPDATE documents SET title = $1, content = $2, size = $3, version = version + 1 WHERE id = $4 AND version = $5`,
		changed.Title, changed.Content, changed.Size(), next.ID, next.Version)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, documents.ErrConflict
	}
	return &changed, nil
}

func (s shelf) Delete(ctx context.Context, grant authz.Granted[*documents.Document]) error {
	read, err := grant.For(ctx, "delete")
	if err != nil {
		return err
	}
	n, err := s.change(ctx, `DELETE FROM documents WHERE id = $1 AND version = $2`, read.ID, read.Version)
	if err == nil && n == 0 {
		return documents.ErrConflict
	}
	return err
}

func (s shelf) List(ctx context.Context, of *documents.Owner, limit, offset int) (page []*documents.Document, total int, err error) {
	where, args := "TRUE", []any{}
	if of != nil {
		where, args = "issuer = $1 AND owner = $2", []any{of.Issuer, of.Subject}
	}
	if _, err := s.ask(ctx, []any{&total}, `SELECT count(*) FROM documents WHERE `+where, args...); err != nil {
		return nil, 0, err
	}
	page = []*documents.Document{}
	last := "LIMIT $1 OFFSET $2"
	if of != nil {
		last = "LIMIT $3 OFFSET $4"
	}
	err = s.each(ctx, func(rows *sql.Rows) error {
		d, err := scanDocument(rows.Scan)
		page = append(page, d)
		return err
	}, `SELECT `+documentColumns+` FROM documents WHERE `+where+` ORDER BY created DESC, id DESC `+last, append(args, limit, offset)...)
	return page, total, err
}
