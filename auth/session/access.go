package session

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
)

// maxBearer bounds an access token in the Authorization header, in bytes. A
// verifier of package jwt reads no longer one by default.
const maxBearer = 8 << 10

// sign makes an access token for the session, with the account's permissions.
func (s *Sessions) sign(typ string, held Session, account *bulwark.Principal, now time.Time) (string, error) {
	for _, scope := range account.Scopes {
		if scope == "" || strings.ContainsAny(scope, " \"\\") { // RFC 6749 section 3.3
			return "", errors.New("session: a scope of the account is empty, or holds a space, a quote or a backslash")
		}
	}
	claims := map[string]any{
		"sub": held.Subject, "aud": s.audience, "sid": held.ID, "jti": newTokenID(held.Generation),
		"iat": now.Unix(), "exp": now.Unix() + int64(s.expiresIn(held, now)), "auth_time": held.AuthTime.Unix(),
	}
	if held.ACR != "" {
		claims["acr"] = held.ACR
	}
	if len(held.Factors) > 0 {
		claims["amr"] = sortedFactors(nil, held.Factors) // RFC 8176
	}
	if len(account.Roles) > 0 {
		claims["roles"] = account.Roles
	}
	if len(account.Scopes) > 0 {
		claims["scope"] = strings.Join(account.Scopes, " ")
	}
	if account.Tier != "" {
		claims[tierClaim] = account.Tier
	}
	token, err := s.signer.Sign(typ, claims)
	if err != nil {
		return "", fmt.Errorf("session: sign the access token: %w", err)
	}
	if typ == cookieType && len(s.accessCookie)+len(token) > maxCookie {
		return "", fmt.Errorf("session: the access token of %d bytes does not fit into a cookie of %d bytes; give the account fewer Roles, Scopes or Factors", len(token), maxCookie)
	}
	if len(token) > maxBearer {
		return "", fmt.Errorf("session: the access token of %d bytes is longer than %d bytes; give the account fewer Roles, Scopes or Factors", len(token), maxBearer)
	}
	return token, nil
}

// expiresIn is how many seconds an access token lasts that is made now. It ends
// at the latest with its session.
func (s *Sessions) expiresIn(held Session, now time.Time) int {
	return int(min(s.accessLifetime, held.ExpiresAt.Sub(now)) / time.Second)
}

// setCookies gives the client its tokens.
func (s *Sessions) setCookies(w http.ResponseWriter, held Session, access string, refresh refreshToken, now time.Time) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	s.setCookie(w, s.accessCookie, access, time.Duration(s.expiresIn(held, now))*time.Second)
	s.setCookie(w, s.refreshCookie, refresh.text(), held.ExpiresAt.Sub(now))
}

// isBrowser reports whether a browser has sent r. A browser must not get a
// token where scripts can read it. A script cannot leave out these headers.
func isBrowser(r *http.Request) bool {
	return len(r.Header["Sec-Fetch-Site"])+len(r.Header["Origin"]) > 0
}

// shorten cuts text to at most limit bytes, at a whole character.
func shorten(text string, limit int) string {
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
