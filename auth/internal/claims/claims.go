// Package claims reads the claims that an issuer makes about a caller (RFC 7519
// section 4, RFC 7662 section 2.2), whether they come in a token or in the
// answer to a question about one. The packages that read tokens share it.
package claims

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/logtext"
)

// Set are the claims that mean something here. What is not there is zero.
type Set struct {
	Issuer, Subject, TokenID, SessionID, ACR string
	Audience                                 any // see CheckAudience; nil where it is missing
	Expires, NotBefore, Issued, AuthTime     time.Time
	Bound                                    confirmation.Confirmation
	Methods                                  []string // amr
	Events                                   bool     // see CheckKind
	Proof                                    bool     // typ or token_type is DPoP; see CheckBinding
}

// Limits bounds a document of claims of so many bytes.
func Limits(bytes int) jsondoc.Limits {
	return jsondoc.Limits{Bytes: bytes, Depth: 16, Keys: 512, Items: 1024, Values: 2048}
}

// lastSecond is the end of the year 9999: a later time is a mistake.
const lastSecond = 253402300799

// Read returns the claims among the members. It checks their types only. A
// claim that is null counts as absent, in tokens and in answers. A cnf that is
// null is refused: a lost binding would weaken the token. The error is one of
// auth.Invalid.
func Read(members []jsondoc.Member) (Set, error) {
	var s Set
	for _, m := range members {
		ok := true
		switch m.Name {
		case "iss":
			s.Issuer, ok = m.Text()
		case "aud":
			s.Audience = m.Value()
		case "sub":
			s.Subject, ok = m.Text()
		case "jti":
			s.TokenID, ok = m.Text()
		case "sid":
			s.SessionID, ok = m.Text()
		case "acr":
			s.ACR, ok = m.Text()
		case "exp":
			s.Expires, ok = NumericDate(m.Number())
		case "nbf":
			s.NotBefore, ok = NumericDate(m.Number())
		case "iat":
			s.Issued, ok = NumericDate(m.Number())
		case "auth_time":
			s.AuthTime, ok = NumericDate(m.Number())
		case "cnf":
			s.Bound, ok = confirmation.Read(m.Value())
		case "amr":
			s.Methods, ok = readMethods(m.Value())
		case "events":
			s.Events = m.Value() != nil
		case "typ", "token_type":
			text, _ := m.Text() // which may be anything else
			s.Proof = s.Proof || strings.EqualFold(text, confirmation.DPoP)
		}
		if !ok && (m.Name == "cnf" || m.Value() != nil) {
			return Set{}, Malformed("the claim " + m.Name + " is of another type or out of range")
		}
	}
	return s, nil
}

// clientSubjects begins the subjects of clients that act for themselves. No
// person is named so (RFC 9700 section 4.15): otherwise a client could pass for
// the person of that name, or a person for the client.
const clientSubjects = "client:"

// Names say what claims are called at one issuer. The zero value knows the
// registered names.
type Names struct {
	Config  string // the Config that the names come from, such as "jwt.Config", for the log
	Subject Path   // in place of sub
	TokenID Path   // in place of jti
	Client  Path   // of the client, for a subject where there is no sub
	Tier    Path
	Roles   []Path
}

// Clients reports whether a client without a subject is a caller, so that the
// names of such clients are kept from people.
func (n *Names) Clients() bool { return n.Client.named() }

// Settle reads what goes by the names of the issuer: the id of the token, and
// the subject.
func (s *Set) Settle(members []jsondoc.Member, n Names) error {
	if n.TokenID.named() {
		var ok bool
		if s.TokenID, ok = n.TokenID.text(members); !ok {
			return n.notText("TokenIDClaim")
		}
	}
	if n.Subject.named() {
		// Without the claim the sub does not count either: it is a name of
		// another kind, and might be the value of somebody else's claim.
		var ok bool
		if s.Subject, ok = n.Subject.text(members); !ok {
			return n.notText("SubjectClaim")
		}
	}
	if err := n.Reserved(s.Subject); err != nil {
		return err
	}
	if s.Subject == "" && n.Client.named() {
		id, ok := n.Client.text(members)
		if !ok {
			return n.notText("ClientClaim")
		}
		if id != "" {
			s.Subject = clientSubjects + id
		}
	}
	if s.Subject != "" {
		return nil
	}
	if n.Subject.named() {
		return Malformed("the claim that " + n.Config + ".SubjectClaim names is missing; " + n.Config + ".ClientClaim can name the claim to use in its place")
	}
	return Malformed("there is no sub; " + n.Config + ".ClientClaim can name the claim to use in its place")
}

func (n *Names) notText(field string) error {
	return Malformed("the claim that " + n.Config + "." + field + " names is not a string, or the path leads through a value that is not an object")
}

// Reserved refuses the subject of a person that could be that of a client.
func (n *Names) Reserved(subject string) error {
	if n.Client.named() && strings.HasPrefix(subject, clientSubjects) {
		return Malformed("the subject begins with \"client:\", which " + n.Config + ".ClientClaim reserves for clients without a subject")
	}
	return nil
}

// Malformed refuses claims that cannot be what the issuer meant.
func Malformed(why string) *bulwark.Problem { return auth.Invalid("malformed", errors.New(why)) }

// CheckKind refuses what is signed as an access token is, and is not an access
// token: a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4) or
// another security event token (RFC 8417 section 2.2). Only they have the claim
// events, and many of them come without a typ.
func (s *Set) CheckKind() error {
	if s.Events {
		return auth.Invalid("type", errEvents)
	}
	return nil
}

var errEvents = errors.New("the token has the claim events: it is a logout token or a security event token (RFC 8417) and not an access token; no Config accepts it")

// CheckBinding refuses a token whose claims say that it is bound to a key, and
// that names no key: it is not a bearer token, and without its binding anybody
// could use it (RFC 9449 section 7.2).
func (s *Set) CheckBinding() error {
	if s.Proof && s.Bound.Key == "" {
		return auth.Invalid("binding", errNoBinding)
	}
	return nil
}

var errNoBinding = errors.New("the claim typ or token_type of the token is DPoP, and there is no cnf with the key to check")

// CheckAudience wants one of our names, which are the Audience of the config,
// in the audience: a string or a list of strings (RFC 7519 section 4.1.3).
func (s *Set) CheckAudience(ours []string, config string) error {
	names, ok := StringList(s.Audience)
	if !ok {
		return Malformed("the aud is neither a string nor a list of strings")
	}
	for _, name := range names {
		if slices.Contains(ours, name) {
			return nil
		}
	}
	return auth.Invalid("audience", fmt.Errorf("no aud is one of %s.Audience (%s)", config, Shown(ours...)))
}

// OtherIssuer is the cause of the reason "issuer": the iss is not the Issuer of
// the config. It says if both differ by a slash at the end only, which is easy
// to overlook.
func OtherIssuer(iss, ours, config string) error {
	if strings.TrimSuffix(iss, "/") == strings.TrimSuffix(ours, "/") {
		return fmt.Errorf("the iss and %s.Issuer (%s) differ by the slash at the end; both must be equal to the letter", config, Shown(ours))
	}
	return fmt.Errorf("the iss is not %s.Issuer (%s)", config, Shown(ours))
}

const (
	shownTexts = 4  // of one list, in the log
	shownBytes = 96 // of one text
)

// Shown are texts of a Config, for the log.
func Shown(texts ...string) string {
	var b strings.Builder
	for i, text := range texts {
		if i == shownTexts {
			return b.String() + " and more"
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(logtext.Clip(text, shownBytes)))
	}
	return b.String()
}

// CheckTimes compares those of exp, nbf, iat and auth_time that are present
// with the clock. A login in the future would stay recent for as long. The
// clocks may differ by the skew, which is the Skew of the config.
func (s *Set) CheckTimes(now time.Time, skew time.Duration, config string) error {
	latest := now.Add(skew)
	switch {
	case !s.Expires.IsZero() && !now.Before(s.Expires.Add(skew)):
		return auth.Invalid("expired", fmt.Errorf("the exp passed %s ago, and %s.Skew is %v", apart(s.Expires, now), config, skew))
	case s.NotBefore.After(latest):
		return auth.Invalid("not_yet_valid", fmt.Errorf("the nbf is %s after now, and %s.Skew is %v", apart(now, s.NotBefore), config, skew))
	case s.Issued.After(latest):
		return auth.Invalid("not_yet_valid", fmt.Errorf("the iat is %s after now, and %s.Skew is %v", apart(now, s.Issued), config, skew))
	case s.AuthTime.After(latest):
		return auth.Invalid("not_yet_valid", fmt.Errorf("the auth_time is %s after now, and %s.Skew is %v", apart(now, s.AuthTime), config, skew))
	}
	return nil
}

// apart is the time between two, in whole seconds.
func apart(a, b time.Time) time.Duration { return b.Sub(a).Truncate(time.Second) }

// NumericDate reads seconds since 1970, whole or not (RFC 7519 section 2), from
// what jsondoc.Member.Number returns.
func NumericDate(number json.Number, ok bool) (time.Time, bool) {
	if !ok {
		return time.Time{}, false
	}
	if seconds, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return time.Unix(seconds, 0), seconds >= 0 && seconds <= lastSecond
	}
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// StringList returns a list of strings, or one string as such a list. What is
// missing is an empty list.
func StringList(value any) ([]string, bool) {
	switch value := value.(type) {
	case nil:
		return nil, true
	case string:
		return []string{value}, true
	case []any:
		texts := make([]string, len(value))
		for i, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			texts[i] = text
		}
		return texts, true
	}
	return nil, false
}
