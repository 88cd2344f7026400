package documents

import (
	"context"
	"slices"
	"sync"
)

// memoryAccounts are Accounts in memory, for one process.
type memoryAccounts struct {
	mu      sync.RWMutex
	byEmail map[string]*member
	byID    map[string]*member
	owners  map[Device]*member
	order   []*member // in the order of their sign-up
}

// A member is an account with its devices. The account never changes.
type member struct {
	Account
	devices []Device // oldest login first
}

func newAccounts() *memoryAccounts {
	return &memoryAccounts{byEmail: map[string]*member{}, byID: map[string]*member{}, owners: map[Device]*member{}}
}

func (a *memoryAccounts) Add(_ context.Context, account Account) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.room(account.Email); err != nil {
		return err
	}
	added := &member{Account: account}
	a.byEmail[account.Email], a.byID[account.ID] = added, added
	a.order = append(a.order, added)
	return nil
}

func (a *memoryAccounts) Room(_ context.Context, email string) error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.room(email)
}

// room is Room for a caller who holds the lock.
func (a *memoryAccounts) room(email string) error {
	switch {
	case a.byEmail[email] != nil:
		return ErrEmailTaken
	case len(a.byID) >= MaxAccounts:
		return ErrFull
	}
	return nil
}

func (a *memoryAccounts) ByEmail(_ context.Context, email string) (*Account, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.byEmail[email].account(), nil
}

func (a *memoryAccounts) Get(_ context.Context, id string) (*Account, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.byID[id].account(), nil
}

// account returns the account of a member, or nil without a member.
func (m *member) account() *Account {
	if m == nil {
		return nil
	}
	return &m.Account
}

func (a *memoryAccounts) Close(_ context.Context, id string) (*Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	closed := a.byID[id]
	if closed == nil {
		return nil, nil
	}
	delete(a.byID, id)
	delete(a.byEmail, closed.Email)
	for _, d := range closed.devices {
		delete(a.owners, d)
	}
	a.order = slices.DeleteFunc(a.order, func(other *member) bool { return other == closed })
	return &closed.Account, nil
}

func (a *memoryAccounts) List(_ context.Context, limit, offset int) (page []*Account, total int, err error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	page = []*Account{}
	for _, one := range a.order {
		if total >= offset && len(page) < limit {
			page = append(page, &one.Account)
		}
		total++
	}
	return page, total, nil
}

func (a *memoryAccounts) Owner(_ context.Context, d Device) (string, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if owner := a.owners[d]; owner != nil {
		return owner.ID, nil
	}
	return "", nil
}

func (a *memoryAccounts) Remember(_ context.Context, id string, d Device) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	owner := a.byID[id]
	if owner == nil {
		return nil // the account was closed in the meantime
	}
	if len(owner.devices) >= MaxDevices {
		delete(a.owners, owner.devices[0])
		owner.devices = slices.Delete(owner.devices, 0, 1)
	}
	owner.devices = append(owner.devices, d)
	a.owners[d] = owner
	return nil
}

func (a *memoryAccounts) Forget(_ context.Context, d Device) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if owner := a.owners[d]; owner != nil {
		delete(a.owners, d)
		owner.devices = slices.DeleteFunc(owner.devices, func(other Device) bool { return other == d })
	}
	return nil
}
