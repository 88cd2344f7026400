package documents

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/authz"
)

// HashCheaply makes logins quick: what these tests count is not the time of a
// hash.
func (a *App) HashCheaply() {
	a.passwords.hash = func(password string, salt []byte) []byte {
		sum := sha256.Sum256(append([]byte(password), salt...))
		return sum[:]
	}
}

// FillAccounts makes accounts until there is no room for another.
func (a *App) FillAccounts() {
	_, have, _ := a.accounts.List(context.Background(), 0, 0)
	for i := have; i < MaxAccounts; i++ {
		a.accounts.Add(context.Background(), Account{ID: fmt.Sprint("filler", i), Email: fmt.Sprintf("filler%d@example.com", i)})
	}
}

// OccupyHashing takes every place where a password could be hashed.
func (a *App) OccupyHashing() {
	for range cap(a.passwords.hashing) {
		a.passwords.begin(context.Background())
	}
}

// SetBounds sets how much the store holds, in all and of one owner.
func (a *App) SetBounds(documents, bytes, ownDocuments, ownBytes int) {
	a.memory().bounds = Bounds{documents, bytes, ownDocuments, ownBytes}
}

// Bounds returns what SetBounds sets.
func (a *App) Bounds() (documents, bytes, ownDocuments, ownBytes int) {
	b := a.memory().bounds
	return b.Documents, b.Bytes, b.OwnDocuments, b.OwnBytes
}

// Stored returns how much the store holds.
func (a *App) Stored() (documents, bytes, owners int) {
	s := a.memory()
	return len(s.all.documents), s.all.bytes, len(s.owned)
}

func (a *App) memory() *memoryStore { return a.store.(*memoryStore) }

// Devices returns how many devices are known.
func (a *App) Devices() int { return len(a.accounts.(*memoryAccounts).owners) }

// SessionBounds returns how many accounts there may be, how many sessions each
// may have, and how many sessions the store keeps.
func (a *App) SessionBounds() (accounts, sessionsEach, sessions int) {
	return MaxAccounts, maxSessions, a.shared.Sessions.(*session.MemoryStore).Max
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
	account, _ := a.accounts.ByEmail(context.Background(), email)
	if account == nil {
		return ""
	}
	return account.ID
}

// DropAccount removes an account, and leaves its sessions and keys alone.
func (a *App) DropAccount(id string) { a.accounts.Close(context.Background(), id) }

// Mux returns the routes, without the chain around them.
func (a *App) Mux() *authz.Mux { return a.mux }

// Documents returns the store.
func (a *App) Documents() Store { return a.store }

// Caller returns the caller of a request with the Authorization.
func (a *App) Caller(authorization string) (*bulwark.Principal, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", authorization)
	if strings.HasPrefix(authorization, "ApiKey ") {
		return a.keys.Authenticate(r)
	}
	return a.sessions.Authenticate(r)
}
