package documents

import (
	"cmp"
	"context"
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
	// Shared has what the processes of one API share. Default: this process is
	// the only one, see Alone.
	Shared *Shared
	// TrustUnixSocket says that a proxy connects by a Unix socket, and names
	// the client in X-Forwarded-For.
	TrustUnixSocket bool
}

// An App is the API.
type App struct {
	config    Config
	shared    *Shared
	policy    *authz.Policy
	store     Store
	accounts  Accounts
	passwords *passwords
	signer    *jwt.Signer
	sessions  *session.Sessions
	keys      *apikey.Keys
	limits    *limits
	journal   *journal  // what the page of the administrators shows
	counters  *counters // the same, in numbers
	metrics   *metrics.Collector
	detector  *detect.Detector
	mux       *authz.Mux
	stack     *bulwark.Stack
}

// New makes the API.
func New(c Config) (*App, error) {
	shared := c.Shared
	if shared == nil {
		var err error
		if shared, err = Alone(); err != nil {
			return nil, err
		}
	}
	a := &App{
		config: c, shared: shared, store: shared.Documents, accounts: shared.Accounts, passwords: newPasswords(shared.Accounts),
		journal: newJournal(), counters: newCounters(),
	}
	for _, open := range []func() error{a.openPolicy, a.openSessions, a.openKeys, a.openLimits, a.openMetrics, a.openDetector, a.openRoutes} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	var err error
	a.stack, err = a.chain()
	return a, err
}

// Handler returns the API behind its chain.
func (a *App) Handler() http.Handler { return a.stack.Wrap(a.mux) }

// Held returns the parts to shut down after the server, in this order: the
// layers of the routes, then the chain around them.
func (a *App) Held() []bulwark.Shutdowner { return []bulwark.Shutdowner{a.mux, a.stack} }

func (a *App) openSessions() error {
	var err error
	a.signer, err = jwt.NewSigner(jwt.SignerConfig{Key: a.shared.SigningKey, Issuer: a.issuer()})
	if err != nil {
		return err
	}
	a.sessions, err = session.New(session.Config{
		Signer:         a.signer,
		Audience:       a.config.BaseURL,
		Store:          a.shared.Sessions,
		MaxSessions:    maxSessions,
		Idle:           cmp.Or(a.config.Idle, 2*time.Hour),
		StoreKeys:      [][]byte{a.shared.StoreKey},
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
		Peppers: []apikey.Pepper{{Version: 1, Key: a.shared.Pepper}},
		Store:   a.shared.Keys,
		MaxAge:  staleAge,
		Lookup:  a.lookupOwner,
	})
	return err
}

// openDetector makes the detector of unusual access. It only reports. Logins
// name their account to it, see people.go.
func (a *App) openDetector() (err error) {
	a.detector, err = detect.New(detect.Config{AccountKey: a.shared.AccountKey})
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
func (a *App) lookup(ctx context.Context, subject string) (*bulwark.Principal, error) {
	account, err := a.accounts.Get(ctx, subject)
	if err != nil || account == nil {
		return nil, err
	}
	return a.principal(account), nil
}

// principal returns the caller for an account.
func (a *App) principal(account *Account) *bulwark.Principal {
	return &bulwark.Principal{Issuer: a.issuer(), Subject: account.ID, Roles: []string{account.Role}}
}
