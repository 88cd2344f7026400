package apikey

import (
	"errors"
	"fmt"

	"github.com/bulwark-go/bulwark/auth/internal/list"
)

// causes are the texts for the log that depend on the Config, made at New. Each
// says what the Config wants, and repeats nothing that a client has sent.
type causes struct {
	malformed, environment, unknown, legacy, stale, ambiguous, overlap, tier error
}

// The texts for the log that do not depend on the Config.
var (
	errSecret    = errors.New("the secret is wrong, or its pepper is not in apikey.Config.Peppers")
	errRevoked   = errors.New("the key was ended by Keys.Revoke or Keys.RevokeOwner")
	errExpired   = errors.New("the key has ended: see Grant.ExpiresAt and, without it, apikey.Config.Lifetime")
	errReplaced  = errors.New("the secret was replaced by Keys.Rotate, and the overlap is over; apikey.Config.MaxOverlap bounds the overlap")
	errNetwork   = errors.New("the address of the client is in none of the key's Grant.Networks; bulwark.Edge.TrustedProxies decides whose address counts")
	errOwner     = errors.New("Grant.Owner must have a Subject, and another Issuer than apikey.Config.Issuer")
	errNoAddress = errors.New("the key is bound to Grant.Networks, and Keys.Verify does not know an address; use Keys.Authenticate")
)

func newCauses(c Config) causes {
	family := c.Prefix + "_" + c.Env
	places := "Authorization"
	if c.Header != "" {
		places += " and " + c.Header
	}
	forgets := ""
	if _, memory := c.Store.(*MemoryStore); memory {
		forgets = "; a MemoryStore loses its keys when the process ends"
	}
	other := ""
	if c.Legacy != nil {
		other = ", or for apikey.Config.Legacy 1 to 256 bytes of printable ASCII"
	}
	return causes{
		malformed:   fmt.Errorf("%w: wanted is %s_id_secret_check (apikey.Config.Prefix and Env)%s", errMalformed, family, other),
		environment: fmt.Errorf("the key is of another environment than apikey.Config.Env (%s)", c.Env),
		unknown:     fmt.Errorf("apikey.Config.Store has no key of this id for %s (apikey.Config.Prefix and Env)%s", family, forgets),
		legacy:      fmt.Errorf("apikey.Config.Store and apikey.Config.Legacy do not know the key%s", forgets),
		stale:       fmt.Errorf("the secret is older than apikey.Config.MaxAge (%v); rotate the key", c.MaxAge),
		ambiguous:   fmt.Errorf("more than one line of %s (apikey.Config.Header)", places),
		overlap:     fmt.Errorf("apikey.Config.MaxOverlap is %v", c.MaxOverlap),
		tier:        errors.New("apikey.Config.Tiers does not name the tier; it names " + list.Text(c.Tiers)),
	}
}
