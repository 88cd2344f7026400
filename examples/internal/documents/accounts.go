package documents

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// An Account is somebody who can log in.
type Account struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
	Role  string `json:"role"`

	salt, hash []byte
}

var (
	errEmailTaken = errors.New("the e-mail address has an account already")
	errBusy       = errors.New("too many passwords are being checked")
)

// maxAccounts bounds the memory of the accounts.
const maxAccounts = 10_000

// accounts keeps the people who can log in, in memory.
type accounts struct {
	mu      sync.RWMutex
	byEmail map[string]*Account
	byID    map[string]*Account
	order   []*Account // of their sign-up

	// hashing bounds how many passwords are hashed at once: each takes 19 MiB
	// for some milliseconds, and anybody can make us do it.
	hashing chan struct{}
	decoy   Account
}

func newAccounts() *accounts {
	a := &accounts{byEmail: map[string]*Account{}, byID: map[string]*Account{}, hashing: make(chan struct{}, 4)}
	// An unknown address is checked against the decoy, so that it takes as
	// long as a known one.
	a.decoy.salt = []byte(rand.Text())
	a.decoy.hash = hashPassword(rand.Text(), a.decoy.salt)
	return a
}

// normalEmail is the form under which an address is known and limited.
func normalEmail(email string) string { return strings.ToLower(norm.NFC.String(email)) }

// hashPassword is argon2id with the parameters that OWASP recommends for 19
// MiB.
func hashPassword(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, 2, 19*1024, 1, 32)
}

// begin waits for one of the hashing places, or for the request to end.
func (a *accounts) begin(ctx context.Context) error {
	select {
	case a.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errBusy
	}
}

func (a *accounts) add(ctx context.Context, email, name, role, password string) (*Account, error) {
	email = normalEmail(email)
	if err := a.begin(ctx); err != nil {
		return nil, err
	}
	account := &Account{ID: "u_" + strings.ToLower(rand.Text()), Email: email, Name: name, Role: role, salt: []byte(rand.Text())}
	account.hash = hashPassword(password, account.salt)
	<-a.hashing

	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.byEmail[email] != nil:
		return nil, errEmailTaken
	case len(a.byID) >= maxAccounts:
		return nil, errFull
	}
	a.byEmail[email], a.byID[account.ID] = account, account
	a.order = append(a.order, account)
	return account, nil
}

// check returns the account whose password this is, and nil where there is
// none. Both take the same time.
func (a *accounts) check(ctx context.Context, email, password string) (*Account, error) {
	a.mu.RLock()
	account := a.byEmail[normalEmail(email)]
	a.mu.RUnlock()
	against := account
	if against == nil {
		against = &a.decoy
	}
	if err := a.begin(ctx); err != nil {
		return nil, err
	}
	same := subtle.ConstantTimeCompare(hashPassword(password, against.salt), against.hash) == 1
	<-a.hashing
	if !same {
		return nil, nil
	}
	return account, nil
}

func (a *accounts) get(id string) (*Account, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	account, ok := a.byID[id]
	return account, ok
}

// list returns one page of all accounts and how many there are in all.
func (a *accounts) list(limit, offset int) (page []*Account, total int) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	page = []*Account{}
	for _, account := range a.order {
		if total >= offset && len(page) < limit {
			page = append(page, account)
		}
		total++
	}
	return page, total
}
