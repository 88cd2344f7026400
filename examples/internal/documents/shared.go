package documents

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Shared has what all processes of one API share: the stores of what they must
// agree on, and the secrets. A process with a store or a secret of its own
// refuses the logins that another process has made.
type Shared struct {
	Limits    ratelimit.Store
	Sessions  session.Store
	Keys      apikey.Store
	Accounts  Accounts
	Documents Store

	SigningKey crypto.Signer // signs the access tokens
	StoreKey   []byte        // of the sessions, 32 bytes
	Pepper     []byte        // of the API keys, 32 bytes
	AccountKey audit.Secret  // of the pseudonyms in the log, 32 bytes
}

// maxSessions is how many sessions an account may have. The memory has room for
// maxSessions of every account, so that the logins of one account do not keep
// other accounts out.
const maxSessions = 10

// Alone is for an API of one process. Everything is in the memory of the
// process, and the secrets are made anew, so the sessions and API keys end with
// the process. A service with several processes loads its secrets from its
// secret store, and so does a service whose sessions outlive a restart.
func Alone() (*Shared, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making the signing key: %w", err)
	}
	return &Shared{
		Limits:    &ratelimit.MemoryStore{Max: 1 << 16},
		Sessions:  &session.MemoryStore{Max: MaxAccounts * maxSessions},
		Keys:      &apikey.MemoryStore{},
		Accounts:  newAccounts(),
		Documents: newStore(DefaultBounds),

		SigningKey: key, StoreKey: secret(), Pepper: secret(), AccountKey: audit.NewSecret(string(secret())),
	}, nil
}

func secret() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}
