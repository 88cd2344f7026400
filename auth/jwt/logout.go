package jwt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const (
	logoutType  = "logout+jwt"
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutAge is how old a logout token may be. It is the lifetime that the
	// specification recommends (OpenID Connect Back-Channel Logout 1.0 section
	// 4).
	logoutAge = 2 * time.Minute
)

// A LogoutToken says that an identity provider has logged somebody out (OpenID
// Connect Back-Channel Logout 1.0 section 2.4). At least one of Subject and
// SessionID is not empty.
type LogoutToken struct {
	// Issuer is the iss, which is the Issuer of the [Verifier].
	Issuer string
	// Subject is the sub. If it is empty, the token is about SessionID.
	Subject string
	// SessionID is the sid. If it is empty, the token is about all sessions of
	// the Subject.
	SessionID string
	// TokenID is the jti. A token may be used once: see dpop.Replays.
	TokenID string
	// IssuedAt is the iat.
	IssuedAt time.Time
	// ExpiresAt is when VerifyLogout begins to refuse the token, with the
	// [Config.Skew]. Until then, remember the TokenID.
	ExpiresAt time.Time
}

// VerifyLogout verifies a logout token (OpenID Connect Back-Channel Logout 1.0
// section 2.6). Config.Audience holds the client id of this service at the
// provider. The token must have:
//
//   - the typ "logout+jwt"; with [Config.InsecurePlainType] also "JWT" or no
//     typ;
//   - a signature of the Keys, the iss, an aud, and the claims of Require, as
//     an access token must have;
//   - an exp that has not passed, and an iat that is at most two minutes old,
//     both with the Skew;
//   - a jti;
//   - the logout event in events, whose value is an object;
//   - a sub, a sid or both, and no nonce.
//
// An error is one of [auth.Invalid], or of [auth.Unavailable] if the keys
// cannot be fetched. VerifyLogout does not look whether the token has been used
// before.
func (v *Verifier) VerifyLogout(ctx context.Context, token string) (LogoutToken, error) {
	if err := v.made(); err != nil {
		return LogoutToken{}, err
	}
	said, err := v.verifyLogout(ctx, token)
	if err != nil {
		return LogoutToken{}, v.named(err)
	}
	return said, nil
}

func (v *Verifier) verifyLogout(ctx context.Context, token string) (LogoutToken, error) {
	parts, err := compact.Parse(token, v.maxBytes)
	if errors.Is(err, compact.ErrTooLong) {
		err = fmt.Errorf("%w; jwt.Config.MaxTokenBytes is %d", err, v.maxBytes)
	}
	if err != nil {
		return LogoutToken{}, auth.Invalid("malformed", err)
	}
	rules := jose.Rules{Algorithms: v.rules.Algorithms, Types: []string{logoutType}, Plain: v.rules.Plain}
	head, err := rules.ReadHeader(parts.Header)
	if err != nil {
		return LogoutToken{}, invalidLogout(err)
	}
	set, err := v.readLogout(parts.Payload)
	if err != nil {
		return LogoutToken{}, err
	}
	if _, err := v.verifySignature(ctx, head, parts); err != nil {
		return LogoutToken{}, err
	}
	if err := v.checkLogoutTimes(&set, time.Now()); err != nil { // it may have waited for keys
		return LogoutToken{}, err
	}
	end := set.Expires
	if latest := set.Issued.Add(logoutAge); latest.Before(end) {
		end = latest
	}
	return LogoutToken{Issuer: set.Issuer, Subject: set.Subject, SessionID: set.SessionID, TokenID: set.TokenID,
		IssuedAt: set.Issued, ExpiresAt: end.Add(v.skew)}, nil
}

// invalidLogout is invalid for the header of a logout token, whose typ no field
// but InsecurePlainType changes.
func invalidLogout(err error) error {
	var typ *jose.TypeError
	if errors.As(err, &typ) {
		return auth.Invalid("type", fmt.Errorf("%w; jwt.Config.InsecurePlainType also accepts JWT and no typ", typ))
	}
	return invalid(err)
}

// readLogout decodes and checks the claims, before the signature is checked.
func (v *Verifier) readLogout(payload []byte) (claims.Set, error) {
	var room [24]jsondoc.Member
	members, err := jsondoc.Members(room[:0], payload, claims.Limits(mostBytes))
	if err != nil {
		return claims.Set{}, auth.Invalid("malformed", err)
	}
	set, err := claims.Read(members)
	if err != nil {
		return claims.Set{}, err
	}
	switch {
	case set.Issuer == "":
		return claims.Set{}, claims.Malformed("there is no iss, which must be " + configName + ".Issuer")
	case set.Issuer != v.issuer:
		return claims.Set{}, auth.Invalid("issuer", claims.OtherIssuer(set.Issuer, v.issuer, configName))
	case set.Audience == nil:
		return claims.Set{}, auth.Invalid("audience", errNoLogoutAudience)
	}
	if err := set.CheckAudience(v.audience, configName); err != nil {
		return claims.Set{}, err
	}
	if err := v.checkRequired(members); err != nil {
		return claims.Set{}, err
	}
	if err := v.checkLogoutTimes(&set, time.Now()); err != nil {
		return claims.Set{}, err
	}
	if err := confirmation.CheckNone(set.Bound); err != nil {
		return claims.Set{}, err
	}
	if set.TokenID == "" {
		return claims.Set{}, claims.Malformed("there is no jti, which a logout token must have")
	}
	if set.Subject == "" && set.SessionID == "" {
		return claims.Set{}, claims.Malformed("there is no sub and no sid; a logout token must have one of them")
	}
	return set, checkLogoutEvent(members)
}

var errNoLogoutAudience = errors.New("the aud is missing; a logout token names the client id in jwt.Config.Audience")

// checkLogoutEvent wants the event of a logout, and no nonce: with a nonce, the
// token could pass for an ID token.
func checkLogoutEvent(members []jsondoc.Member) error {
	var events any
	for _, m := range members {
		switch m.Name {
		case "nonce":
			return claims.Malformed("there is a nonce, which a logout token must not have")
		case "events":
			events = m.Value()
		}
	}
	all, _ := events.(map[string]any)
	if _, ok := all[logoutEvent].(map[string]any); !ok {
		return claims.Malformed("events is not an object with the member " + logoutEvent + " whose value is an object")
	}
	return nil
}

// checkLogoutTimes wants an exp and a recent iat.
func (v *Verifier) checkLogoutTimes(set *claims.Set, now time.Time) error {
	switch {
	case set.Expires.IsZero():
		return claims.Malformed("there is no exp, which every token must have")
	case set.Issued.IsZero():
		return claims.Malformed("there is no iat, which a logout token must have")
	}
	if err := set.CheckTimes(now, v.skew, configName); err != nil {
		return err
	}
	if age := now.Sub(set.Issued); age >= logoutAge+v.skew {
		return auth.Invalid("expired", fmt.Errorf("the iat is %v old; a logout token may be %v old, and %s.Skew is %v",
			age.Truncate(time.Second), logoutAge, configName, v.skew))
	}
	return nil
}
