package jwt

import (
	"errors"
	"fmt"
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

// readClaims decodes and checks the claims, before the signature is checked.
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
	grants, err := claims.ReadGrants(members, v.completion.Names)
	return checked{set, grants}, err
}

// checkClaims holds the claims against what is configured, and the clock.
func (v *Verifier) checkClaims(set *claims.Set, members []jsondoc.Member, now time.Time) error {
	if set.Issuer == "" {
		return claims.Malformed("there is no iss, which must be " + configName + ".Issuer")
	}
	if !v.isOurs(set.Issuer) {
		return auth.Invalid("issuer", claims.OtherIssuer(set.Issuer, v.issuer, configName))
	}
	if err := set.CheckKind(); err != nil {
		return err
	}
	if err := v.checkTenant(set.Issuer, members); err != nil {
		return err
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
	// A token that is bound to a key (RFC 7800) is useless without the proof.
	if err := v.binding.Accepts(set.Bound); err != nil {
		return err
	}
	if err := set.CheckBinding(); err != nil {
		return err
	}
	if err := set.Settle(members, v.completion.Names); err != nil {
		return err
	}
	if v.completion.Map != nil { // which may name the token
		return nil
	}
	return v.revocations.Reaches(set)
}

// checkAudience wants one of our names in aud, or where there is none in the
// claim that stands in for it.
func (v *Verifier) checkAudience(set *claims.Set, members []jsondoc.Member) error {
	if set.Audience == nil {
		set.Audience = v.audienceClaim.Find(members)
	}
	if set.Audience == nil {
		return auth.Invalid("audience", errNoAudience)
	}
	return set.CheckAudience(v.audience, configName)
}

var errNoAudience = errors.New("the aud is missing, and jwt.Config.Audience wants one; " +
	"jwt.Config.AudienceClaim can name the claim to use in its place")

// checkTimes wants an exp, and compares the times with the clock.
func (v *Verifier) checkTimes(set *claims.Set, now time.Time) error {
	if set.Expires.IsZero() {
		return claims.Malformed("there is no exp, which every token must have")
	}
	if err := set.CheckTimes(now, v.skew, configName); err != nil {
		return err
	}
	if v.maxLifetime > 0 && set.Issued.IsZero() {
		return auth.Invalid("lifetime", errors.New("there is no iat, which jwt.Config.MaxLifetime needs"))
	}
	if lifetime := set.Expires.Sub(set.Issued); v.maxLifetime > 0 && lifetime > v.maxLifetime {
		return auth.Invalid("lifetime", fmt.Errorf("the exp is %v after the iat, and jwt.Config.MaxLifetime is %v", lifetime.Truncate(time.Second), v.maxLifetime))
	}
	return nil
}
