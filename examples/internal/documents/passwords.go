package documents

import (
	"context"
	"crypto/rand"
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// passwords adds accounts and checks their passwords.
type passwords struct {
	accounts Accounts

	// hashing bounds how many passwords are hashed at once. A hash takes 19 MiB
	// for some milliseconds, and anybody can send a password.
	hashing chan struct{}
	hash    func(password string, salt []byte) []byte
	decoy   Account
}

func newPasswords(accounts Accounts) *passwords {
	p := &passwords{accounts: accounts, hashing: make(chan struct{}, 4), hash: hashPassword}
	// The password for an unknown address is checked against the decoy, so that
	// the check takes as long as for a known address.
	p.decoy.Salt = []byte(rand.Text())
	p.decoy.Hash = p.hash(rand.Text(), p.decoy.Salt)
	return p
}

// hashPassword uses argon2id with the parameters that OWASP recommends for 19
// MiB.
func hashPassword(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, 2, 19*1024, 1, 32)
}

// begin waits until fewer than four passwords are being hashed, or until the
// request ends.
func (p *passwords) begin(ctx context.Context) error {
	select {
	case p.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ErrUnavailable
	}
}

// add makes an account. It looks for room before it hashes, because hashing is
// expensive. Add looks again, because another sign-up may have been faster.
func (p *passwords) add(ctx context.Context, email, name, role, password string) (*Account, error) {
	email = NormalEmail(email)
	if err := p.accounts.Room(ctx, email); err != nil {
		return nil, err
	}
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	account := Account{ID: "u_" + NewID(), Email: email, Name: name, Role: role, Salt: []byte(rand.Text())}
	account.Hash = p.hash(password, account.Salt)
	<-p.hashing
	if err := p.accounts.Add(ctx, account); err != nil {
		return nil, err
	}
	return &account, nil
}

// check returns the account if the password is right, and nil otherwise. Both
// take the same time.
func (p *passwords) check(ctx context.Context, email, password string) (*Account, error) {
	account, err := p.accounts.ByEmail(ctx, NormalEmail(email))
	if err != nil {
		return nil, err
	}
	against := account
	if against == nil {
		against = &p.decoy
	}
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	same := subtle.ConstantTimeCompare(p.hash(password, against.Salt), against.Hash) == 1
	<-p.hashing
	if !same {
		return nil, nil
	}
	return account, nil
}
