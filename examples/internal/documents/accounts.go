package documents

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// An Account belongs to a person who can log in.
type Account struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
	Role  string `json:"role"`

	salt, hash []byte
	devices    []device // oldest login first
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
	owners  map[device]*Account
	order   []*Account // in the order of their sign-up

	// hashing bounds how many passwords are hashed at once. A hash takes 19 MiB
	// for some milliseconds, and anybody can send a password.
	hashing chan struct{}
	hash    func(password string, salt []byte) []byte
	decoy   Account
}

func newAccounts() *accounts {
	a := &accounts{byEmail: map[string]*Account{}, byID: map[string]*Account{}, owners: map[device]*Account{}, hashing: make(chan struct{}, 4), hash: hashPassword}
	// The password for an unknown address is checked against the decoy, so that
	// the check takes as long as for a known address.
	a.decoy.salt = []byte(rand.Text())
	a.decoy.hash = a.hash(rand.Text(), a.decoy.salt)
	return a
}

// normalEmail returns the form of an address that accounts and limits use.
func normalEmail(email string) string { return strings.ToLower(norm.NFC.String(email)) }

// hashPassword uses argon2id with the parameters that OWASP recommends for 19
// MiB.
func hashPassword(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, 2, 19*1024, 1, 32)
}

// begin waits until fewer than four passwords are being hashed, or until the
// request ends.
func (a *accounts) begin(ctx context.Context) error {
	select {
	case a.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errBusy
	}
}

// add makes an account. It looks for room before it hashes, because hashing is
// expensive. It looks again afterwards, because another sign-up may have been
// faster.
func (a *accounts) add(ctx context.Context, email, name, role, password string) (*Account, error) {
	email = normalEmail(email)
	a.mu.RLock()
	err := a.room(email)
	a.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	if err := a.begin(ctx); err != nil {
		return nil, err
	}
	account := &Account{ID: "u_" + strings.ToLower(rand.Text()), Email: email, Name: name, Role: role, salt: []byte(rand.Text())}
	account.hash = a.hash(password, account.salt)
	<-a.hashing

	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.room(email); err != nil {
		return nil, err
	}
	a.byEmail[email], a.byID[account.ID] = account, account
	a.order = append(a.order, account)
	return account, nil
}

// room returns an error if an account for the address cannot be added. The
// caller holds the lock.
func (a *accounts) room(email string) error {
	switch {
	case a.byEmail[email] != nil:
		return errEmailTaken
	case len(a.byID) >= maxAccounts:
		return errFull
	}
	return nil
}

// check returns the account if the password is right, and nil otherwise. Both
// take the same time.
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
	same := subtle.ConstantTimeCompare(a.hash(password, against.salt), against.hash) == 1
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

// close removes an account, which nobody can log in to any more, and returns
// it.
func (a *accounts) close(id string) (*Account, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	account, ok := a.byID[id]
	if !ok {
		return nil, false
	}
	delete(a.byID, id)
	delete(a.byEmail, account.Email)
	for _, d := range account.devices {
		delete(a.owners, d)
	}
	a.order = slices.DeleteFunc(a.order, func(other *Account) bool { return other == account })
	return account, true
}

// list returns one page of the accounts, and the number of all accounts.
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

// knows reports whether the device has logged in to the account before.
func (a *accounts) knows(email string, d device) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	account := a.owners[d]
	return account != nil && account == a.byEmail[email]
}

// owner returns the id of the account that knows the device, or empty.
func (a *accounts) owner(d device) string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if account := a.owners[d]; account != nil {
		return account.ID
	}
	return ""
}

func (a *accounts) remember(account *Account, d device) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(account.devices) >= maxDevices {
		delete(a.owners, account.devices[0])
		account.devices = slices.Delete(account.devices, 0, 1)
	}
	account.devices = append(account.devices, d)
	a.owners[d] = account
}

func (a *accounts) forget(d device) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if account := a.owners[d]; account != nil {
		delete(a.owners, d)
		account.devices = slices.DeleteFunc(account.devices, func(other device) bool { return other == d })
	}
}
