package jwt

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// checked are the claims of a token that have been checked.
type checked struct {
	set    claims.Set
	grants claims.Grants
}

// readClaims decodes and checks the claims, which nobody has vouched for yet.
func (v *Verifier) readClaims(payload []byte, now time.Time) (checked, error) {
	var room [24]jsondoc.Member
	members, err := jsondoc.Members(room[:0], payload, claims.Limits(mostBytes))
	if err != nil {
		return checked{}, auth.Invalid("malformed", err)
	}
	set, err := claims.Read(members)
	if err != nil {
		return checked{}, err
	}
	if err := v.checkClaims(&set, members, now); err != nil {
		return checked{}, err
	}
	grants, err := claims.ReadGrants(members, v.roles, v.tier)
	return checked{set, grants}, err
}

// checkClaims holds the claims against what is configured, and the clock.
func (v *Verifier) checkClaims(set *claims.Set, members []jsondoc.Member, now time.Time) error {
	if set.Issuer == "" {
		return claims.Malformed("no iss")
	}
	if set.Issuer != v.issuer {
		return auth.Invalid("issuer", nil)
	}
	if err := v.checkAudience(set, members); err != nil {
		return err
	}
	if err := v.checkRequired(members); err != nil {
		return err
	}
	if err := v.checkTimes(set, now); err != nil {
		return err
	}
	// A token that is bound to a key (RFC 7800) is worth nothing without the
	// proof.
	if err := v.binding.Accepts(set.Bound); err != nil {
		return err
	}
	if set.Subject == "" {
		return claims.Malformed("no sub")
	}
	return v.revocations.Reaches(set)
}

// checkAudience wants one of our names in aud, or where there is none in the
// claim that stands in for it.
func (v *Verifier) checkAudience(set *claims.Set, members []jsondoc.Member) error {
	if set.Audience == nil && v.audienceClaim != "" {
		set.Audience = claims.Find(members, v.audienceClaim)
	}
	return set.CheckAudience(v.audience)
}

// checkRequired compares the claims that must have one value.
func (v *Verifier) checkRequired(members []jsondoc.Member) error {
	for _, want := range v.require {
		if text, _ := claims.Find(members, want.name).(string); text != want.value {
			return auth.Invalid("claim", errors.New("the claim "+want.name+" has not the value that is required"))
		}
	}
	return nil
}

// checkTimes wants an exp, and compares the times with the clock.
func (v *Verifier) checkTimes(set *claims.Set, now time.Time) error {
	if set.Expires.IsZero() {
		return claims.Malformed("no exp")
	}
	if err := set.CheckTimes(now, v.skew); err != nil {
		return err
	}
	if v.maxLifetime > 0 && (set.Issued.IsZero() || set.Expires.Sub(set.Issued) > v.maxLifetime) {
		return auth.Invalid("lifetime", nil)
	}
	return nil
}

// claim is one of [Config.Require].
type claim struct{ name, value string }

// required returns the claims in a fixed order, for the log.
func required(wanted map[string]string) []claim {
	var all []claim
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		all = append(all, claim{name, wanted[name]})
	}
	return all
}
