package session

import (
	"fmt"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const (
	maxTokenBody = 4 << 10
	tokenMember  = "refresh_token" // RFC 6749 section 6
)

// refreshOf returns the refresh token in r, in whichever place it is.
func (s *Sessions) refreshOf(w http.ResponseWriter, r *http.Request) (shown, error) {
	text, kind, err := s.refreshText(w, r)
	if err != nil {
		return shown{}, err
	}
	token, ok := parseRefreshToken(text)
	if !ok {
		return shown{}, auth.Invalid("malformed", errForm)
	}
	key := s.keyOf(&token)
	if key == nil { // not even the store is asked
		return shown{}, auth.Invalid("session", errMade)
	}
	return shown{token, key, kind}, nil
}

// refreshText returns the text of the refresh token, and the kind of its place.
func (s *Sessions) refreshText(w http.ResponseWriter, r *http.Request) (text, kind string, err error) {
	inBody, found, err := s.bodyToken(w, r)
	if err != nil {
		return "", "", err
	}
	value, count := oneCookie(r, s.refreshCookie)
	switch {
	case found && count > 0:
		return "", "", invalidRequest(errBoth)
	case found:
		return inBody, bodyKind, nil
	case count == 0:
		return "", "", cookieRequired()
	case count > 1:
		return "", "", auth.Invalid("malformed", errTwice)
	}
	return value, cookieKind, nil
}

// bodyToken returns the member refresh_token of a JSON body. A body without
// members has no token. A body of another media type is not read, and is
// refused if it is all that the request has.
func (s *Sessions) bodyToken(w http.ResponseWriter, r *http.Request) (text string, found bool, err error) {
	if mediaType, _ := body.MediaType(r.Header); mediaType != "application/json" && !s.bodyOnly(r) {
		return "", false, nil
	}
	_, read, err := body.Read(w, r, body.Limits{Max: maxTokenBody, MediaTypes: []string{"application/json"}, Timeout: s.bodyTimeout,
		JSON: jsondoc.Limits{Depth: 2, Keys: 4, Values: 8}})
	if err != nil {
		return "", false, s.lateBody(err)
	}
	if read.Empty() {
		return "", false, nil
	}
	value, _ := read.Value()
	members, ok := value.(map[string]any)
	if ok && len(members) == 0 {
		return "", false, nil
	}
	text, isText := members[tokenMember].(string)
	switch {
	case !isText || len(members) != 1:
		return "", false, invalidRequest(errMembers)
	case isBrowser(r):
		return "", false, forBrowsers()
	}
	return text, true, nil
}

// bodyOnly reports whether r has a body and nothing else that could be a
// credential. Such a client has forgotten the Content-Type: a logout that
// answers 204 would leave its session alive. The form of a page has a cookie,
// or comes from somebody who is logged out already.
func (s *Sessions) bodyOnly(r *http.Request) bool {
	return r.ContentLength != 0 && !isBrowser(r) && len(r.Header["Authorization"])+len(r.Header["Cookie"]) == 0
}

// lateBody makes the refusal of a body that came too late name the field of the
// Config.
func (s *Sessions) lateBody(err error) error {
	p, ok := err.(*bulwark.Problem)
	if !ok || p.Status != http.StatusRequestTimeout {
		return err
	}
	named := *p
	named.Err = fmt.Errorf("the body did not arrive within session.Config.BodyTimeout (%v): %w", s.bodyTimeout, p.Err)
	return &named
}
