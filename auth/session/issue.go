package session

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// Tokens is the body of the login's answer. Write it as JSON. A browser gets
// its tokens in cookies, so for a browser Tokens has only ExpiresIn. Printed or
// logged, Tokens does not show a token. Encoded as JSON, it contains the
// tokens. So do not log a value that contains Tokens with a JSON handler of
// slog.
type Tokens struct {
	AccessToken string `json:"access_token,omitempty"` // a signed JWT for the Authorization header
	TokenType   string `json:"token_type,omitempty"`   // "Bearer"
	ExpiresIn   int    `json:"expires_in"`             // seconds
	// RefreshToken is the token for [Sessions.RefreshHandler]. Only
	// [Sessions.IssueTokens] sets it.
	RefreshToken string `json:"refresh_token,omitempty"`
}

// Format writes how long the access token lasts, for every verb, and never a
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
//   - ACR, AuthTime and Factors are kept for the whole session. Default of
//     AuthTime: now. At most 16 Factors.
//
// If the caller logged in at an identity provider, also pass the Provider of
// the ID token, so that [Sessions.BackChannelHandler] can end the session. Then
// the AuthTime of p is required: the auth_time of the ID token, or its iat. If
// the provider has ended the login meanwhile, the error is 401
// "session.logged_out".
//
// A client that sends Sec-Fetch-Site or Origin is a browser and gets no token
// in Tokens. A cross-site request is refused, because a page of an attacker
// could log its visitors into the attacker's account. A full store is 503. Pass
// an error to [bulwark.Deny]. After an error, w and its Header are unchanged.
func (s *Sessions) Issue(w http.ResponseWriter, r *http.Request, p *bulwark.Principal, from ...Provider) (Tokens, error) {
	if err := s.made(); err != nil {
		return Tokens{}, err
	}
	r, _ = bulwark.Enter(r)
	if err := s.guard.Check(r); err != nil {
		return Tokens{}, err
	}
	now := wallClock()
	made, token, err := s.begin(r, cookieKind, p, from, now)
	if err != nil {
		return Tokens{}, err
	}
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
		return Tokens{}, err
	}
	s.setCookies(w, made, access, token, now)
	return tokens, nil
}

// IssueTokens is [Sessions.Issue] for clients that are not browsers, such as
// the apps of a phone. It sets no cookie. Tokens has an access token, and a
// refresh token for the body of [Sessions.RefreshHandler]. Write Tokens as JSON
// with "Cache-Control: no-store". The client keeps the refresh token in the
// protected storage of its system.
//
// A browser is refused with 400 "session.browser", because a script could read
// the tokens. A request with Origin or Sec-Fetch-Site counts as a request of a
// browser.
func (s *Sessions) IssueTokens(r *http.Request, p *bulwark.Principal, from ...Provider) (Tokens, error) {
	if err := s.made(); err != nil {
		return Tokens{}, err
	}
	r, _ = bulwark.Enter(r)
	if isBrowser(r) {
		return Tokens{}, forBrowsers()
	}
	now := wallClock()
	made, token, err := s.begin(r, bodyKind, p, from, now)
	if err != nil {
		return Tokens{}, err
	}
	access, err := s.sign(bodyType, made, p, now)
	if err != nil {
		return Tokens{}, err
	}
	if err := s.create(r, made); err != nil {
		return Tokens{}, err
	}
	return s.bodyTokens(made, access, token, now), nil
}

// bodyTokens are the tokens of a session of the kind "body".
func (s *Sessions) bodyTokens(held Session, access string, refresh refreshToken, now time.Time) Tokens {
	return Tokens{AccessToken: access, TokenType: "Bearer", ExpiresIn: s.expiresIn(held, now), RefreshToken: refresh.text()}
}

// wallClock is the present time as a store keeps it: in microseconds, and
// without the monotonic clock, which stops while a machine sleeps.
func wallClock() time.Time { return time.Now().Truncate(time.Microsecond).Round(0) }

// begin makes a session for the login, and its first refresh token. It stores
// nothing.
func (s *Sessions) begin(r *http.Request, kind string, p *bulwark.Principal, from []Provider, now time.Time) (Session, refreshToken, error) {
	var provider Provider
	if len(from) > 0 {
		provider = from[0]
	}
	if err := s.loginFault(p, from); err != nil {
		return Session{}, refreshToken{}, err
	}
	key := s.keys[0]
	token := newRefreshToken(key)
	made := Session{
		ID: token.id(), Issuer: s.issuer, Subject: p.Subject, Kind: kind, Provider: provider,
		AuthTime: p.AuthTime.Truncate(time.Microsecond), ACR: p.ACR,
		ClientIP: bulwark.ClientIP(r), UserAgent: shorten(r.UserAgent(), 256),
		CreatedAt: now, ExpiresAt: now.Add(s.lifetime), StoreKey: key.name,
	}
	if made.AuthTime.IsZero() {
		made.AuthTime = now
	}
	made.Factors = givenFactors(p.Factors, made.AuthTime)
	made.Hash, made.Seal = key.hash(&token), key.seal(&made)
	return made, token, nil
}

// loginFault says what is wrong with a login, which is a mistake of the
// application.
func (s *Sessions) loginFault(p *bulwark.Principal, from []Provider) error {
	if p == nil || p.Subject == "" || p.Issuer != "" && p.Issuer != s.issuer {
		return errors.New("session: issue: the Principal is nil, has no Subject, or has another Issuer than session.Config.Signer")
	}
	if err := factorsFault(p.Factors); err != nil {
		return err
	}
	switch {
	case len(from) == 0 || len(from) == 1 && from[0] == Provider{}:
		return nil
	case len(from) > 1:
		return errors.New("session: issue: a login has at most one Provider")
	case from[0].Issuer == "" || from[0].Subject == "" && from[0].SessionID == "":
		return errors.New("session: issue: the Provider needs an Issuer, and a Subject or a SessionID")
	case p.AuthTime.IsZero():
		return errors.New("session: issue: a login from a Provider needs the AuthTime of the Principal: the auth_time or the iat of the ID token")
	}
	return nil
}

// create stores and reports the session, and ends the sessions of the old
// refresh cookies. The browser loses these cookies, so nobody would ever log
// out of the sessions.
func (s *Sessions) create(r *http.Request, made Session) error {
	own, others := s.replaced(r, made)
	ended, err := s.store.Create(r.Context(), made, s.maxSessions, own)
	if errors.Is(err, auth.ErrFull) && s.endOthers(r, others) {
		ended, err = s.store.Create(r.Context(), made, s.maxSessions, own)
	}
	if errors.Is(err, ErrLoggedOut) {
		return loggedOut(err)
	}
	if err != nil {
		return unavailable(err)
	}
	for _, id := range ended {
		reason := overLimit
		if slices.Contains(own, id) {
			reason = "login"
		}
		bulwark.Report(r, s.about(Session{ID: id, Issuer: made.Issuer, Subject: made.Subject}, bulwark.AuthnTokenRevoked, reason))
	}
	s.endOthers(r, others)
	bulwark.Report(r, s.about(made, bulwark.SessionCreated, "login"))
	bulwark.Report(r, s.about(made, bulwark.AuthnTokenCreated, "login"))
	return nil
}

// replaced returns the sessions whose refresh cookies r carries: own are the
// ids of the sessions of the same caller, and others are the sessions of other
// callers. If the store does not answer for an old session, the login goes on.
func (s *Sessions) replaced(r *http.Request, made Session) (own []string, others []Session) {
	if made.Kind != cookieKind {
		return nil, nil // the cookies stay
	}
	for _, by := range s.presented(r) {
		old, err := s.store.Get(r.Context(), by.token.id())
		switch {
		case err != nil || s.judge(old, by, old.CreatedAt).how == unknown:
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

// presented returns the refresh tokens in the cookies of r that this service
// has made, at most four. An invented token costs only the check of its MAC.
func (s *Sessions) presented(r *http.Request) []shown {
	var all []shown
	for _, value := range cookieValues(r, s.refreshCookie, nil, 4) {
		t, ok := parseRefreshToken(value)
		if !ok {
			continue
		}
		if key := s.keyOf(&t); key != nil {
			all = append(all, shown{t, key, cookieKind})
		}
	}
	return all
}
