package documents

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/authz"
)

// Config holds the settings of the program that serves the API.
type Config struct {
	// BaseURL is the scheme and host of the API, such as
	// "https://api.example.com".
	BaseURL string
	// Hosts are the host names that the API answers to.
	Hosts []string
	// Origins are the origins whose pages may use the API with cookies.
	Origins []string
	// Idle is how long a session lasts without a request. Default: 2 hours. At
	// least 1 minute.
	Idle time.Duration
	// Logger takes the security events.
	Logger *slog.Logger
}

// An App is the API with its data in memory.
type App struct {
	config   Config
	policy   *authz.Policy
	store    *store
	accounts *accounts
	signer   *jwt.Signer
	sessions *session.Sessions
	kept     *session.MemoryStore // the store of sessions
	keys     *apikey.Keys
	limits   *limits
	journal  *journal  // what the page of the administrators shows
	counters *counters // the same, in numbers
	metrics  *metrics.Collector
	detector *detect.Detector
	mux      *authz.Mux
	stack    *bulwark.Stack
}

// New makes the API. It makes new signing keys and secrets, so the sessions and
// API keys end with the process. A service with several processes loads its
// keys and secrets from its secret store. So does a service whose sessions
// outlive a restart.
func New(c Config) (*App, error) {
	a := &App{config: c, store: newStore(defaultBounds), accounts: newAccounts(), journal: newJournal(), counters: newCounters()}
	for _, open := range []func() error{a.openPolicy, a.openSessions, a.openKeys, a.openLimits, a.openMetrics, a.openDetector, a.openRoutes} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	var err error
	a.stack, err = a.chain()
	return a, err
}

// maxSessions is how many sessions an account may have. The store has room for
// maxSessions of every account, so that the logins of one account do not keep
// other accounts out.
const maxSessions = 10

// Handler returns the API behind its chain.
func (a *App) Handler() http.Handler { return a.stack.Wrap(a.mux) }

// Held returns the parts to shut down after the server, in this order: the
// layers of the routes, then the chain around them.
func (a *App) Held() []bulwark.Shutdowner { return []bulwark.Shutdowner{a.mux, a.stack} }

func (a *App) openSessions() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making the signing key: %w", err)
	}
	a.signer, err = jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: a.issuer()})
	if err != nil {
		return err
	}
	a.kept = &session.MemoryStore{Max: maxAccounts * maxSessions}
	a.sessions, err = session.New(session.Config{
		Signer:         a.signer,
		Audience:       a.config.BaseURL,
		Store:          a.kept,
		MaxSessions:    maxSessions,
		Idle:           cmp.Or(a.config.Idle, 2*time.Hour),
		StoreKeys:      [][]byte{secret()},
		Lookup:         a.lookup,
		TrustedOrigins: a.config.Origins,
	})
	return err
}

func (a *App) openKeys() error {
	var err error
	a.keys, err = apikey.New(apikey.Config{
		Prefix:  "docs",
		Issuer:  a.issuer() + "/keys",
		Peppers: []apikey.Pepper{{Version: 1, Key: secret()}},
		Store:   &apikey.MemoryStore{},
		MaxAge:  staleAge,
		Lookup:  a.lookupOwner,
	})
	return err
}

// openDetector makes the detector of unusual access. It only reports. Logins
// name their account to it, see people.go.
func (a *App) openDetector() (err error) {
	a.detector, err = detect.New(detect.Config{})
	return err
}

// issuer is the Issuer of the accounts of this API.
func (a *App) issuer() string { return a.config.BaseURL }

// lookupOwner reads the account of a key's owner again, once a minute while the
// key is in use. Without the account the key is revoked.
func (a *App) lookupOwner(ctx context.Context, owner *bulwark.Principal) (*bulwark.Principal, error) {
	if owner.Issuer != a.issuer() {
		return nil, nil
	}
	return a.lookup(ctx, owner.Subject)
}

// lookup reads an account again when its session is refreshed.
func (a *App) lookup(_ context.Context, subject string) (*bulwark.Principal, error) {
	account, ok := a.accounts.get(subject)
	if !ok {
		return nil, nil
	}
	return a.principal(account), nil
}

// principal returns the caller for an account.
func (a *App) principal(account *Account) *bulwark.Principal {
	return &bulwark.Principal{Issuer: a.issuer(), Subject: account.ID, Roles: []string{account.Role}}
}

func secret() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}
