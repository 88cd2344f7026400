package documents

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/bulwark-go/bulwark"
)

// HashCheaply makes logins quick: what these tests count is not the time of a
// hash.
func (a *App) HashCheaply() {
	a.accounts.hash = func(password string, salt []byte) []byte {
		sum := sha256.Sum256(append([]byte(password), salt...))
		return sum[:]
	}
}

// FillAccounts makes accounts until there is no room for another.
func (a *App) FillAccounts() {
	a.accounts.mu.Lock()
	defer a.accounts.mu.Unlock()
	for i := len(a.accounts.byID); i < maxAccounts; i++ {
		account := &Account{ID: fmt.Sprint("filler", i), Email: fmt.Sprintf("filler%d@example.com", i)}
		a.accounts.byID[account.ID], a.accounts.byEmail[account.Email] = account, account
	}
}

// OccupyHashing takes every place where a password could be hashed.
func (a *App) OccupyHashing() {
	for range cap(a.accounts.hashing) {
		a.accounts.begin(context.Background())
	}
}

// SetBounds sets how much the store holds, in all and of one owner.
func (a *App) SetBounds(documents, bytes, ownDocuments, ownBytes int) {
	a.store.bounds = bounds{documents, bytes, ownDocuments, ownBytes}
}

// Bounds returns what SetBounds sets.
func (a *App) Bounds() (documents, bytes, ownDocuments, ownBytes int) {
	b := a.store.bounds
	return b.documents, b.bytes, b.ownDocuments, b.ownBytes
}

// Stored returns how much the store holds.
func (a *App) Stored() (documents, bytes, owners int) {
	return len(a.store.all.documents), a.store.all.bytes, len(a.store.owned)
}

// Devices returns how many devices are known.
func (a *App) Devices() int { return len(a.accounts.owners) }

// SessionBounds returns how many accounts there may be, how many sessions each
// may have, and how many sessions the store keeps.
func (a *App) SessionBounds() (accounts, sessionsEach, sessions int) {
	return maxAccounts, maxSessions, a.kept.Max
}

// RecordJSON returns an event as the stream shows it.
func RecordJSON(e bulwark.Event) []byte { return recordJSON(e) }

// Kinds returns the closed list of kinds.
func Kinds() []string { return kinds }

// Streams returns how many streams of events are open.
func (a *App) Streams() int { return a.journal.streams() }

// The bounds of the journal.
const (
	MaxKept    = maxKept
	MaxReaders = maxReaders
)

// DeviceName names a device by its User-Agent.
func DeviceName(userAgent string) string { return deviceName(userAgent) }

// AccountID returns the id of the account with the address, or empty.
func (a *App) AccountID(email string) string {
	a.accounts.mu.RLock()
	defer a.accounts.mu.RUnlock()
	if account := a.accounts.byEmail[email]; account != nil {
		return account.ID
	}
	return ""
}

// DropAccount removes an account, and leaves its sessions and keys alone.
func (a *App) DropAccount(id string) { a.accounts.close(id) }
