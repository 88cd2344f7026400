package authz

import (
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A factor is a method that the caller must have proven, such as "otp".
type factor struct {
	method string
	maxAge time.Duration // 0: whenever
}

// mostFactor bounds the name of a method, in bytes.
const mostFactor = 64

// Factor returns a rule that also asks for a factor of authentication, in
// [bulwark.Principal.Factors]. The method is its name, such as "otp" or "hwk"
// (RFC 8176 section 2), of at most 64 bytes. Upper and lower case differ. The
// factor must not be older than maxAge, in whole seconds. With a zero maxAge it
// may be of any time of the login, also of an unknown time.
//
//	authz.Require("payment:create:all").Factor("otp", 5*time.Minute)
//
// The refusal is 401 with a challenge insufficient_user_authentication (RFC
// 9470 section 3). The challenge has the smallest age that the rule asks for,
// and names the factors in error_description. A credential that does not say
// how its user logged in is refused. So is a factor without a time, if the rule
// has a maxAge.
//
// A rule may ask for several factors, and asks for all of them. A second Factor
// with the same method is refused at registration. To ask for one of several
// factors, use [Any]:
//
//	authz.All(
//		authz.Require("payment:create:all"),
//		authz.Any(
//			authz.Authenticated().Factor("otp", 5*time.Minute),
//			authz.Authenticated().Factor("hwk", 5*time.Minute),
//		),
//	)
func (r Rule) Factor(method string, maxAge time.Duration) Rule {
	switch {
	case !scopeToken(method) || len(method) > mostFactor:
		return r.wrong(`asks for a factor whose method is empty, longer than 64 bytes, or has a space, a quotation mark, a backslash or another character that names of methods cannot have; write for example "otp"`)
	case maxAge < 0 || maxAge%time.Second != 0:
		return r.wrong("asks for the factor " + method + " with a maxAge that is negative or not in whole seconds; write for example 5*time.Minute")
	}
	for _, f := range r.factors {
		if f.method == method {
			return r.wrong("asks twice for the factor " + method + "; call Factor once for each method, or use All")
		}
	}
	r.factors = append(r.factors[:len(r.factors):len(r.factors)], factor{method, maxAge})
	return r
}

// Factor also asks for a factor of authentication; see [Rule.Factor].
func (a Access[T]) Factor(method string, maxAge time.Duration) Access[T] {
	a.rule = a.rule.Factor(method, maxAge)
	return a
}

// proven reports whether the caller has proven the factor lately enough.
func (f factor) proven(caller *bulwark.Principal) bool {
	at, has := caller.Factors[f.method]
	return has && (f.maxAge == 0 || within(f.maxAge, at))
}

// String describes the factor, as in "factor otp within 5m0s".
func (f factor) String() string {
	if f.maxAge == 0 {
		return "factor " + f.method
	}
	return "factor " + f.method + " within " + f.maxAge.String()
}

// describe joins the factors for error_description (RFC 6750 section 3).
func describe(factors []factor) string {
	texts := make([]string, len(factors))
	for i, f := range factors {
		texts[i] = f.String()
	}
	return "The login must have " + strings.Join(texts, " and ") + "."
}

// within reports whether a time is known, and not longer ago than maxAge.
func within(maxAge time.Duration, at time.Time) bool {
	age := time.Since(at)
	return !at.IsZero() && age <= maxAge && age >= -skew
}
