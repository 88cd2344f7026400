// Package claims reads the claims that an issuer makes about a caller (RFC 7519
// section 4, RFC 7662 section 2.2), whether they come in a token or in the
// answer to a question about one. The packages that read tokens share it.
package claims

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Set are the claims that mean something here. What is not there is zero.
type Set struct {
	Issuer, Subject, TokenID, SessionID, ACR string
	Audience                                 any // see CheckAudience; nil where it is missing
	Expires, NotBefore, Issued, AuthTime     time.Time
	Bound                                    confirmation.Confirmation
}

// Limits bounds a document of claims of so many bytes.
func Limits(bytes int) jsondoc.Limits {
	return jsondoc.Limits{Bytes: bytes, Depth: 16, Keys: 512, Items: 1024, Values: 2048}
}

// lastSecond is the end of the year 9999: a time past it is nobody's intent.
const lastSecond = 253402300799

// Read returns the claims among the members. It vouches for their types only.
// The error is what auth.Invalid makes of a claim that cannot be read.
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
		}
		if !ok {
			return Set{}, Malformed("the claim " + m.Name + " is of another type or out of range")
		}
	}
	return s, nil
}

// Malformed refuses claims that cannot be what the issuer meant.
func Malformed(why string) *bulwark.Problem { return auth.Invalid("malformed", errors.New(why)) }

// CheckAudience wants one of our names in the audience, a string or a list of
// them (RFC 7519 section 4.1.3).
func (s *Set) CheckAudience(ours []string) error {
	names, ok := StringList(s.Audience)
	if !ok {
		return Malformed("the claim aud is of another type")
	}
	for _, name := range names {
		if slices.Contains(ours, name) {
			return nil
		}
	}
	return auth.Invalid("audience", nil)
}

// CheckTimes compares exp, nbf and iat, where they are there, with the clock,
// give or take the skew.
func (s *Set) CheckTimes(now time.Time, skew time.Duration) error {
	latest := now.Add(skew)
	switch {
	case !s.Expires.IsZero() && !now.Before(s.Expires.Add(skew)):
		return auth.Invalid("expired", nil)
	case s.NotBefore.After(latest), s.Issued.After(latest):
		return auth.Invalid("not_yet_valid", nil)
	}
	return nil
}

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
