package session

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
)

const (
	maxFactors    = 16
	maxFactorName = 64 // bytes
)

// sortedFactors appends the names of the factors to names, in order.
func sortedFactors(names []string, factors map[string]time.Time) []string {
	for name := range factors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// factorsFault says what is wrong with the factors of a login.
func factorsFault(factors map[string]time.Time) error {
	if len(factors) > maxFactors {
		return fmt.Errorf("session: the login has %d Factors; a session has at most %d", len(factors), maxFactors)
	}
	for name := range factors {
		if !isFactor(name) {
			return errFactor
		}
	}
	return nil
}

var errFactor = errors.New("session: the name of a factor must be 1 to 64 bytes of printable ASCII without spaces, such as \"otp\" (RFC 8176)")

// isFactor reports whether name can be the name of a factor.
func isFactor(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return false
		}
	}
	return name != "" && len(name) <= maxFactorName
}

// givenFactors returns a copy of the factors of a login for the store, which
// keeps times in microseconds. A factor without a time was given at the login.
func givenFactors(factors map[string]time.Time, login time.Time) map[string]time.Time {
	if len(factors) == 0 {
		return nil
	}
	given := make(map[string]time.Time, len(factors))
	for name, at := range factors {
		if at.IsZero() {
			at = login
		}
		given[name] = at.Truncate(time.Microsecond)
	}
	return given
}

// withFactors returns the caller with the factors of the session as they are
// now. The token has those of the last refresh.
func withFactors(p *bulwark.Principal, held Session) *bulwark.Principal {
	if len(held.Factors) == 0 && p.Factors == nil {
		return p
	}
	named := *p // many requests share p
	named.Factors = nil
	if len(held.Factors) > 0 {
		named.Factors = held.Factors
	}
	return &named
}

// AddFactor records that the caller of r has just proven a further factor, such
// as "otp" or "hwk" (RFC 8176 section 2). First check the factor. The request
// must carry the access token of the session: the cookie or the Bearer token.
//
// From the next request on, the caller has the factor with its time in
// [bulwark.Principal.Factors], in all clients of the session. A factor that the
// session has gets the new time. AuthTime stays the time of the login. The rule
// of a route asks for the factor: see Rule.Factor of package authz.
//
// If r carries the newest refresh cookie of the session, AddFactor also
// replaces both cookies on w, as a refresh does. [Config.Lookup] is called for
// the new access token. Otherwise w is unchanged. The client then gets its next
// tokens at its next refresh. The old access token stays good until it ends, so
// that other tabs go on.
//
// Errors, for [bulwark.Deny]: a request without a good access token is 401. A
// cross-site request is 403, as for [Sessions.Issue]. If the Store or Lookup
// does not answer, the error is 503. A method that is not 1 to 64 bytes of
// printable ASCII without spaces, and a 17th factor, are 500, because they are
// a mistake of the application. After an error, nothing has changed, except
// that a session ends if Lookup finds no account.
//
// AddFactor reports session_renewed with the reason "factor".
func (s *Sessions) AddFactor(w http.ResponseWriter, r *http.Request, method string) error {
	if err := s.made(); err != nil {
		return err
	}
	r, _ = bulwark.Enter(r)
	if err := s.guard.Check(r); err != nil {
		return err
	}
	if !isFactor(method) {
		return errFactor
	}
	p, held, err := s.check(r)
	if err != nil {
		return attempt.Mark(err, authMethod)
	}
	now := time.Now().Truncate(time.Microsecond)
	var access string
	for range storeTries {
		next := held
		next.Factors = maps.Clone(held.Factors)
		if next.Factors == nil {
			next.Factors = map[string]time.Time{}
		}
		next.Factors[method] = now
		if err := factorsFault(next.Factors); err != nil {
			return err
		}
		found := s.judgeCookie(r, held, now)
		if found.how == rotated {
			found.next.Factors = next.Factors
			next = found.next
			if access, err = s.signAnew(r, next, now); err != nil {
				return err
			}
		}
		next.Seal = s.keyNamed(held.StoreKey).seal(&next)
		err = s.store.Update(r.Context(), next)
		switch {
		case err == nil:
			bulwark.Report(r, s.about(next, bulwark.SessionRenewed, newFactor))
			if found.how == rotated {
				s.setCookies(w, next, access, found.newest, now)
			}
			return nil
		case !errors.Is(err, auth.ErrConflict) && !errors.Is(err, auth.ErrNotFound):
			return unavailable(err)
		}
		if held, err = s.live(r.Context(), p); err != nil {
			return attempt.Mark(err, authMethod)
		}
	}
	return unavailable(auth.ErrConflict)
}

// judgeCookie decides about the refresh cookie of r, if it has exactly one and
// the cookie may belong to the session.
func (s *Sessions) judgeCookie(r *http.Request, held Session, now time.Time) verdict {
	value, count := oneCookie(r, s.refreshCookie)
	token, ok := parseRefreshToken(value)
	if count != 1 || !ok {
		return verdict{how: unknown}
	}
	key := s.keyOf(&token)
	if key == nil {
		return verdict{how: unknown}
	}
	return s.judge(held, shown{token: token, key: key, kind: cookieKind}, now)
}
