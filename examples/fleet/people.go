package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

// people are the documents.Accounts of all processes.
type people struct{ table }

const accountColumns = "id, email, name, role, salt, hash"

func scanned(a *documents.Account) []any {
	return []any{&a.ID, &a.Email, &a.Name, &a.Role, &a.Salt, &a.Hash}
}

// Add relies on the unique index: of two sign-ups at once, in two processes,
// only one adds its row.
func (p people) Add(ctx context.Context, a documents.Account) error {
	n, err := p.change(ctx, `INSERT INTO accounts (`+accountColumns+`, created)
		SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM accounts) < $8 ON CONFLICT DO NOTHING`,
		a.ID, a.Email, a.Name, a.Role, a.Salt, a.Hash, time.Now().UnixMicro(), documents.MaxAccounts)
	if err != nil || n == 1 {
		return err
	}
	if err := p.Room(ctx, a.Email); err != nil {
		return err
	}
	return documents.ErrUnavailable // the account in the way was closed just now
}

func (p people) Room(ctx context.Context, email string) error {
	var taken, all int
	_, err := p.ask(ctx, []any{&taken, &all}, `SELECT (SELECT count(*) FROM accounts WHERE email = $1), (SELECT count(*) FROM accounts)`, email)
	switch {
	case err != nil:
		return err
	case taken > 0:
		return documents.ErrEmailTaken
	case all >= documents.MaxAccounts:
		return documents.ErrFull
	}
	return nil
}

func (p people) ByEmail(ctx context.Context, email string) (*documents.Account, error) {
	return p.one(ctx, `SELECT `+accountColumns+` FROM accounts WHERE email = $1`, email)
}

func (p people) Get(ctx context.Context, id string) (*documents.Account, error) {
	return p.one(ctx, `SELECT `+accountColumns+` FROM accounts WHERE id = $1`, id)
}

func (p people) Close(ctx context.Context, id string) (*documents.Account, error) {
	return p.one(ctx, `DELETE FROM accounts WHERE id = $1 RETURNING `+accountColumns, id)
}

func (p people) one(ctx context.Context, query string, arg any) (*documents.Account, error) {
	var a documents.Account
	found, err := p.ask(ctx, scanned(&a), query, arg)
	if !found {
		return nil, err
	}
	return &a, err
}

func (p people) List(ctx context.Context, limit, offset int) (page []*documents.Account, total int, err error) {
	if _, err := p.ask(ctx, []any{&total}, `SELECT count(*) FROM accounts`); err != nil {
		return nil, 0, err
	}
	page = []*documents.Account{}
	err = p.each(ctx, func(rows *sql.Rows) error {
		var a documents.Account
		page = append(page, &a)
		return rows.Scan(scanned(&a)...)
	}, `SELECT `+accountColumns+` FROM accounts ORDER BY created, id LIMIT $1 OFFSET $2`, limit, offset)
	return page, total, err
}

func (p people) Owner(ctx context.Context, d documents.Device) (id string, err error) {
	_, err = p.ask(ctx, []any{&id}, `SELECT account FROM devices WHERE device = $1`, d[:])
	return id, err
}

func (p people) Remember(ctx context.Context, id string, d documents.Device) error {
	_, err := p.change(ctx, `INSERT INTO devices (device, account, login) SELECT $1, id, $3 FROM accounts WHERE id = $2
		ON CONFLICT DO NOTHING`, d[:], id, time.Now().UnixMicro())
	if err != nil {
		return err
	}
	_, err = p.change(ctx, `DELETE FROM devices WHERE device IN (
		SELECT device FROM devices WHERE account = $1 ORDER BY login DESC, device LIMIT 1000 OFFSET $2)`, id, documents.MaxDevices)
	return err
}

func (p people) Forget(ctx context.Context, d documents.Device) error {
	_, err := p.change(ctx, `DELETE FROM devices WHERE device = $1`, d[:])
	return err
}
