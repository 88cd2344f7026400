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

// Tokens is the body of the login's answer, to be written as JSON. A browser
// gets its tokens in cookies, and for a browser Tokens holds ExpiresIn alone. A
// Tokens value prints and logs without the token. Encoded as JSON it has the
// token, also inside another value that a JSON handler of slog logs.
type Tokens struct {
	AccessToken string `json:"access_token,omitempty"` // a signed JWT, for the Authorization header
	TokenType   string `json:"token_type,omitempty"`   // "Bearer"
	ExpiresIn   int    `json:"expires_in"`             // seconds
}

// Format tells how long the access token lasts, for every verb.
func (t Tokens) Format(f fmt.State, _ rune) { io.WriteString(f, t.shown()) }

// LogValue is the text of Format.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.shown()) }

func (t Tokens) shown() string { return "tokens for " + strconv.Itoa(t.ExpiresIn) + " s" }

// Issue logs a caller in. Call it when the password, or another proof of who
// the caller is, has been checked. Issue makes a session with a new id, in the
// place of the session whose refresh cookie r carries, and sets both cookies on
// w and "Cache-Control: no-store". The handler writes the body: the Tokens as
// JSON, or whatever else the page wants, and never the values of the cookies.
//
// The Subject of p is required. Roles, Scopes and Tier of p go into the access
// token. ACR and AuthTime are kept for the whole session; a zero AuthTime is
// now. A p with an Issuer other than ours is an error: map the accounts of
// others to your own first.
//
// A client that sends Sec-Fetch-Site or Origin is a browser and gets no token
// in Tokens. A cross-site request is refused, because a page could log its
// visitors into an account of its author. A full store is 503. An error is for
// [bulwark.Deny], and w is untouched then.
func (s *Sessions) Issue(w http.ResponseWriter, r *http.Request, p *bulwark.Principal) (Tokens, error) {
	if err := s.made(); err != nil {
		return Tokens{}, err
	}
	r, _ = bulwark.Enter(r)
	if err := s.guard.Check(r); err != nil {
		return Tokens{}, err
	}
	if p == nil || p.Subject == "" || p.Issuer != "" && p.Issuer != s.issuer {
		return Tokens{}, errors.New("session: issue: the principal has no subject, or another issuer than the signer")
	}
	// A store keeps no more than microseconds. The session ends by the clock on
	// the wall, which goes on while a machine sleeps.
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
	bulwark.Report(r, about(made, bulwark.SessionCreated, "login"))
	bulwark.Report(r, about(made, bulwark.AuthnTokenCreated, "login"))
	s.setCookies(w, made, access, token, now)
	return tokens, nil
}

// create stores the session in the place of those that the browser loses with
// its old refresh cookie. Nobody would ever log out of these.
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
		reason := "limit"
		if slices.Contains(own, id) {
			reason = "login"
		}
		bulwark.Report(r, about(Session{ID: id, Issuer: made.Issuer, Subject: made.Subject}, bulwark.AuthnTokenRevoked, reason))
	}
	s.endOthers(r, others)
	return nil
}

// replaced returns the sessions whose refresh cookies r carries: the ids of
// those of the same caller, and those of other callers. A store that does not
// answer for an old session does not keep the new one from being made.
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
			bulwark.Report(r, about(old, bulwark.AuthnTokenRevoked, "login"))
			any = true
		}
	}
	return any
}

// presented returns the refresh tokens in r that this service has made, at most
// four. A token that is made up costs no more than to see that.
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
			return "", errors.New("session: a scope of the account is not a scope token")
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
		return "", fmt.Errorf("session: the access token of %d bytes fits into no cookie; give the account fewer roles", len(token))
	}
	return token, nil
}

// expiresIn is how many seconds an access token lasts that is made now: it does
// not outlive its session.
func (s *Sessions) expiresIn(held Session, now time.Time) int {
	return int(min(s.accessLifetime, held.ExpiresAt.Sub(now)) / time.Second)
}

// setCookies gives the client its tokens.
func (s *Sessions) setCookies(w http.ResponseWriter, held Session, access string, refresh refreshToken, now time.Time) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	s.setCookie(w, accessCookie, access, time.Duration(s.expiresIn(held, now))*time.Second)
	s.setCookie(w, refreshCookie, refresh.text(), held.ExpiresAt.Sub(now))
}

// isBrowser reports whether r was sent by a browser, which must not be given a
// token where scripts can read it. Scripts can leave neither header out.
func isBrowser(r *http.Request) bool {
	return len(r.Header["Sec-Fetch-Site"])+len(r.Header["Origin"]) > 0
}

// shorten cuts text at a whole character and leaves no broken ones.
func shorten(text string, limit int) string {
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
