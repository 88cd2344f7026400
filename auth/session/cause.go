package session

import (
	"errors"
	"fmt"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// causes are the texts for the log that depend on the Config, made at New. Each
// says what the Config wants, and repeats nothing that a client has sent.
type causes struct {
	access, session, idle, ended, refreshes, reuse, overused, limit error
	graced, lost                                                    string
	// tokens explains the reasons of package jwt by the fields of this package.
	tokens map[string]error
}

// The texts for the log that do not depend on the Config.
var (
	errTwice    = errors.New("the same cookie came twice, and nobody can tell which is the right one")
	errForm     = errors.New("not in the form of a refresh token")
	errMade     = errors.New("the refresh token was not made with any key of session.Config.StoreKeys")
	errStoreKey = errors.New("the session was made with a key that is not in session.Config.StoreKeys")
	errSeal     = errors.New("the session in session.Config.Store was not sealed with its key of session.Config.StoreKeys: somebody has changed or copied the row")
	errKind     = errors.New("the session keeps its refresh token in a body, so its access token does not count in a cookie")
	errBrowser  = errors.New("the request has Origin or Sec-Fetch-Site, so a browser has sent it; Issue and the refresh cookie serve browsers")
	errBoth     = errors.New("the request has a refresh token in the cookie and in the body")
	errMembers  = errors.New("the body is not a JSON object with the only member refresh_token, whose value is a string")
	errFit      = errors.New("the refresh token does not fit the session in session.Config.Store")
	errCaller   = errors.New("the session in session.Config.Store belongs to another caller")
	errOld      = errors.New("a refresh token was used again after its successor was used; its session is revoked")
	errPanicked = errors.New("the function panicked")
	errOther    = errors.New("the Principal has another Subject than the session")
	errDisabled = errors.New("session.Config.Lookup returned a nil Principal: the account is gone or disabled; its session is revoked")
)

// ended explains a session that the store does not have. After a restart, this
// is every session of a MemoryStore.
func ended(store Store) error {
	forgets := ""
	if _, memory := store.(*MemoryStore); memory {
		forgets = "; a MemoryStore also loses its sessions when the process ends"
	}
	return fmt.Errorf("session.Config.Store does not have the session: a logout, a revocation, session.Config.MaxSessions or Lifetime has ended it%s: %w", forgets, auth.ErrNotFound)
}

func newCauses(c Config) causes {
	access := fmt.Errorf("the access token has ended; session.Config.AccessLifetime is %v", c.AccessLifetime)
	return causes{
		access:    access,
		session:   fmt.Errorf("the session has ended; session.Config.Lifetime is %v", c.Lifetime),
		idle:      fmt.Errorf("no request has used the session; session.Config.Idle is %v", c.Idle),
		ended:     ended(c.Store),
		refreshes: fmt.Errorf("the session was refreshed %d times, as often as session.Config.MaxRefreshes allows", c.MaxRefreshes),
		reuse: fmt.Errorf("a refresh token was used again, later than session.Config.Grace (%v) and LostAnswer (%v) allow; its session is revoked",
			c.Grace, c.LostAnswer),
		overused: fmt.Errorf("%d refresh tokens in a row were used again within session.Config.Grace (%v) or LostAnswer (%v); their session is revoked",
			maxGraceRun, c.Grace, c.LostAnswer),
		limit:  fmt.Errorf("the caller has logged in more often than session.Config.MaxSessions (%d)", c.MaxSessions),
		graced: fmt.Sprintf("a refresh token was used again within session.Config.Grace (%v)", c.Grace),
		lost:   fmt.Sprintf("a refresh token was used again within session.Config.LostAnswer (%v); the answer may have been lost", c.LostAnswer),
		tokens: map[string]error{
			"expired":     access,
			"lifetime":    fmt.Errorf("the access token lasts longer than session.Config.AccessLifetime (%v)", c.AccessLifetime),
			"audience":    fmt.Errorf("the access token is not for session.Config.Audience (%s)", c.Audience),
			"issuer":      fmt.Errorf("the access token is not from the Issuer of session.Config.Signer (%s)", c.Signer.Issuer()),
			"unknown_key": errors.New("the access token was not signed with a key of session.Config.Signer; an old key belongs in jwt.SignerConfig.Retired"),
			"type":        fmt.Errorf("the typ of the access token must be %s in the cookie, and %s in the Authorization header", cookieType, bodyType),
		},
	}
}

// own explains the refusal of an access token by the fields of this package,
// because the verifier names those of package jwt.
func (c *causes) own(err error) error {
	var p *bulwark.Problem
	if !errors.As(err, &p) || c.tokens[p.Log.Reason] == nil {
		return err
	}
	explained := *p
	explained.Err = c.tokens[p.Log.Reason]
	return &explained
}
