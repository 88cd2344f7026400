package session

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// Tokens is the body of the login's answer. Write it as JSON. A browser gets
// its tokens in cookies, so for a browser Tokens has only ExpiresIn. Printed or
// logged, Tokens does not show the token. Encoded as JSON, it contains the
// token. So do not log a value that contains Tokens with a JSON handler of
// slog.
type Tokens struct {
	AccessToken string `json:"access_token,omitempty"` // a signed JWT for the Authorization header
	TokenType   string `json:"token_type,omitempty"`   // "Bearer"
	ExpiresIn   int    `json:"expires_in"`             // seconds
}

// Format writes how long the access token lasts, for every verb, and never the
// token.
func (t Tokens) Format(f fmt.State, _ rune) { io.WriteString(f, t.shown()) }

// LogValue is the text of Format.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.shown()) }

func (t Tokens) shown() string { return "tokens for " + strconv.Itoa(t.ExpiresIn) + " s" }

// Issue logs a caller in. First check the password, or another proof of who the
// caller is. Issue makes a session with a new id. It ends the session whose
// refresh cookie r carries. It sets both cookies and "Cache-Control: no-store"
// on w. Then the handler writes the body: the Tokens as JSON, or another page.
// Never write the values of the cookies into the body.
//
//   - The Subject of p is required.
//   - The Issuer of p is empty or the issuer of the Signer. Another Issuer is
//     an error, so map the accounts of another issuer to your own accounts.
//   - The Roles, Scopes and Tier of p go into the access token.
//   - ACR and AuthTime are kept for the whole session. Default of AuthTime:
//     now.
//
// A client that sends Sec-Fetch-Site or Origin is a browser and gets no token
// in Tokens. A cross-site request is refused, because a page of an attacker
// could log its visitors into the attacker's account. A full store is 503. Pass
// an error to [bulwark.Deny]. After an error, w and its Header are unchanged.
func (s *Sessions) Issue(w http.ResponseWriter, r *http.Request, p *bulwark.Principal) (Tokens, error) {
	if err := s.made(); err != nil {
		return Tokens{}, err
	}
	r, _ = bulwark.Enter(r)
	if err := s.guard.Check(r); err != nil {
		return Tokens{}, err
	}
	if p == nil || p.Subject == "" || p.Issuer != "" && p.Issuer != s.issuer {
		return Tokens{}, errors.New("session: issue: the Principal is nil, has no Subject, or has another Issuer than session.Config.Signer")
	}
	// A store keeps times in microseconds. The session ends by the wall clock,
	// which goes on while a machine sleeps.
	now := time.Now().Truncate(time.Microsecond)
	key := s.keys[0]
	token := newRefreshToken(key)
	made := Session{
		ID: token.id(), Issuer: s.issuer, Subject: p.Subject, Kind: cookieKind,
		AuthTime: p.AuthTime.Truncate(time.Microsecond), ACR: p.ACR,
		ClientIP: bulwark.ClientIP(r), UserAgent: shorten(r.UserAgent(), 256),
		CreatedAt: now, ExpiresAt: now.Add(s.lifetime), StoreKey: key.name,
	}
	if made.AuthTime.IsZero() {
		made.AuthTime = now
	}
	made.Hash = key.hash(token, made)
	access, err := s.sign(cookieType, made, p, now)
	if err != nil {
		return Tokens{}, err
	}
	tokens := Tokens{ExpiresIn: s.expiresIn(made, now)}
	if !isBrowser(r) {
		tokens.TokenType = "Bearer"
		if tokens.AccessToken, err = s.sign(bodyType, made, p, now); err != nil {
			return Tokens{}, err
		}
	}
	if err := s.create(r, made); err != nil {
		return Tokens{}, unavailable(err)
	}
	bulwark.Report(r, s.about(made, bulwark.SessionCreated, "login"))
	bulwark.Report(r, s.about(made, bulwark.AuthnTokenCreated, "login"))
	s.setCookies(w, made, access, token, now)
	return tokens, nil
}

// create stores the session, and ends the sessions of the old refresh cookies.
// The browser loses these cookies, so nobody would ever log out of the
// sessions.
func (s *Sessions) create(r *http.Request, made Session) error {
	own, others := s.replaced(r, made)
	ended, err := s.store.Create(r.Context(), made, s.maxSessions, own)
	if errors.Is(err, auth.ErrFull) && s.endOthers(r, others) {
		ended, err = s.store.Create(r.Context(), made, s.maxSessions, own)
	}
	if err != nil {
		return err
	}
	for _, id := range ended {
		reason := overLimit
		if slices.Contains(own, id) {
			reason = "login"
		}
		bulwark.Report(r, s.about(Session{ID: id, Issuer: made.Issuer, Subject: made.Subject}, bulwark.AuthnTokenRevoked, reason))
	}
	s.endOthers(r, others)
	return nil
}

// replaced returns the sessions whose refresh cookies r carries: own are the
// ids of the sessions of the same caller, and others are the sessions of other
// callers. If the store does not answer for an old session, the login goes on.
func (s *Sessions) replaced(r *http.Request, made Session) (own []string, others []Session) {
	for _, token := range s.presented(r) {
		old, err := s.store.Get(r.Context(), token.id())
		switch {
		case err != nil || !s.owns(old, token):
		case old.Subject == made.Subject:
			own = append(own, old.ID)
		default:
			others = append(others, old)
		}
	}
	return own, others
}

// endOthers ends the sessions of other callers that a login replaces, and
// reports whether it has ended any.
func (s *Sessions) endOthers(r *http.Request, others []Session) (any bool) {
	for _, old := range others {
		if deleted, err := s.store.Delete(r.Context(), old.ID); err == nil && deleted {
			bulwark.Report(r, s.about(old, bulwark.AuthnTokenRevoked, "login"))
			any = true
		}
	}
	return any
}

// presented returns the refresh tokens in r that this service has made, at most
// four. An invented token costs only the check of its MAC.
func (s *Sessions) presented(r *http.Request) []refreshToken {
	var tokens []refreshToken
	for _, value := range cookieValues(r, refreshCookie, nil, 4) {
		if t, ok := parseRefreshToken(value); ok && s.keyOf(t) != nil {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// owns reports whether t is, or has been, the refresh token of the session.
func (s *Sessions) owns(held Session, t refreshToken) bool {
	return s.judge(held, t, held.CreatedAt).how != unknown
}

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
	if len(accessCookie)+len(token) > maxCookie {
		return "", fmt.Errorf("session: the access token of %d bytes does not fit into a cookie of %d bytes; give the account fewer Roles or Scopes", len(token), maxCookie)
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
	s.setCookie(w, accessCookie, access, time.Duration(s.expiresIn(held, now))*time.Second)
	s.setCookie(w, refreshCookie, refresh.text(), held.ExpiresAt.Sub(now))
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
