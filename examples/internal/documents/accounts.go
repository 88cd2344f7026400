package documents

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// An Account belongs to a person who can log in. The tags say who may read a
// field. No body is read into an Account.
type Account struct {
	ID    string `json:"id" authz:"read=*"`
	Email string `json:"email" authz:"read=own|admin"`
	Name  string `json:"name" authz:"read=*"`
	Role  string `json:"role" authz:"read=own|admin"`

	Salt []byte `json:"-"`
	Hash []byte `json:"-"` // of the password, see passwords.go
}

// Accounts keep the people who can log in, and their devices. Any error but
// those below is an outage. A method that finds nothing returns nil, or an
// empty text, without an error.
type Accounts interface {
	// Add stores an account, unless the address has one: then it returns
	// ErrEmailTaken. If the store is full, it returns ErrFull.
	Add(ctx context.Context, account Account) error
	// Room returns the error of Add without adding the account.
	Room(ctx context.Context, email string) error
	// ByEmail returns the account of an address in the form of NormalEmail.
	ByEmail(ctx context.Context, email string) (*Account, error)
	Get(ctx context.Context, id string) (*Account, error)
	// Close removes the account with its devices, and returns it.
	Close(ctx context.Context, id string) (*Account, error)
	// List returns one page in the order of the sign-ups, and the number of all
	// accounts.
	List(ctx context.Context, limit, offset int) (page []*Account, total int, err error)
	// Owner returns the id of the account that knows the device.
	Owner(ctx context.Context, d Device) (id string, err error)
	// Remember makes the device known to the account. Of more than MaxDevices,
	// the account forgets the device with the oldest login.
	Remember(ctx context.Context, id string, d Device) error
	Forget(ctx context.Context, d Device) error
}

// The errors of Accounts.
var (
	ErrEmailTaken = errors.New("the e-mail address has an account already")
	// ErrUnavailable is in the errors of an outage, and of passwords that wait
	// for too long. The answer is 503.
	ErrUnavailable = errors.New("the store does not answer, or too many passwords are being checked")
)

// MaxAccounts bounds the accounts.
const MaxAccounts = 10_000

// NormalEmail returns the form of an address that accounts and limits use.
func NormalEmail(email string) string { return strings.ToLower(norm.NFC.String(email)) }
