package introspection

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// An outcome is the result of a question. One of its fields is set.
type outcome struct {
	answer  *answer  // the token is good
	refusal *refusal // it is not
	failure *failure // nobody can say
}

// answer is about a good token. It never changes.
type answer struct {
	principal *bulwark.Principal
	bound     confirmation.Confirmation // which each request proves anew
	asked     time.Time
	bytes     int
}

// refusal is why a token is not good: a *bulwark.Problem, or a mistake of the
// Map. Requests share it.
type refusal struct{ err error }

func refused(err error) outcome { return outcome{refusal: &refusal{err}} }

// own returns the error for one request, which may add to it.
func (r *refusal) own() error {
	p, ok := r.err.(*bulwark.Problem)
	if !ok {
		return r.err
	}
	own := *p
	return &own
}

// failure is why there is no answer.
type failure struct {
	cause   error
	token   bool      // it may be for this token only
	strike  bool      // but is a sign of an outage where it happens again and again
	retryAt time.Time // when it is worth to ask again
}

// rules say which answers make a token good.
type rules struct {
	issuer      string
	audience    []string // none accepts any
	types       []string // in lower case
	method      string
	binding     confirmation.Rules
	revocations revocation.Checker
	completion  claims.Completion
	skew        time.Duration
	maxBytes    int
	expires     bool // tokens must have an exp
	typed       bool // answers must have a type
}

const (
	// answerOverhead is what an answer takes beside its text, and each role,
	// scope and factor beside that.
	answerOverhead = 640
	grantOverhead  = 16
	factorOverhead = 64
)

// read judges an answer (RFC 7662 section 2.2). An answer that cannot be read
// is a failure, not a decision about the token. An answer that can be read
// either makes a caller or refuses the token.
func (r *rules) read(body []byte, asked, now time.Time) outcome {
	var room [24]jsondoc.Member
	members, err := jsondoc.Members(room[:0], body, claims.Limits(r.maxBytes))
	if err != nil {
		return outcome{failure: &failure{cause: err, token: true, strike: true}}
	}
	// Only the literal true is active: a text, a number and a missing member
	// are not.
	if active, _ := claims.Find(members, "active").(bool); !active {
		return refused(auth.Invalid("inactive", errInactive))
	}
	set, grants, err := r.check(members, now)
	if err != nil {
		return refused(err)
	}
	principal, err := r.completion.Complete(set.Principal(r.issuer, r.method, grants, body), body)
	if err != nil {
		return refused(err)
	}
	return outcome{answer: &answer{
		principal: principal,
		bound:     set.Bound,
		asked:     asked,
		bytes: len(body) + r.completion.Weight(principal) + answerOverhead +
			grantOverhead*(len(principal.Roles)+len(principal.Scopes)) + factorOverhead*len(principal.Factors),
	}}
}

// check holds the members of an active token's answer against the rules.
func (r *rules) check(members []jsondoc.Member, now time.Time) (claims.Set, claims.Grants, error) {
	set, err := claims.Read(members)
	if err != nil {
		return claims.Set{}, claims.Grants{}, err
	}
	if issuer := claims.Find(members, "iss"); issuer != nil && set.Issuer != r.issuer {
		return claims.Set{}, claims.Grants{}, auth.Invalid("issuer", claims.OtherIssuer(set.Issuer, r.issuer, configName))
	}
	if err := set.CheckKind(); err != nil {
		return claims.Set{}, claims.Grants{}, err
	}
	if err := r.checkSet(&set, members, now); err != nil {
		return claims.Set{}, claims.Grants{}, err
	}
	if err := r.checkTypes(members, set.Bound); err != nil {
		return claims.Set{}, claims.Grants{}, err
	}
	grants, err := claims.ReadGrants(members, r.completion.Names)
	return set, grants, err
}

func (r *rules) checkSet(set *claims.Set, members []jsondoc.Member, now time.Time) error {
	if len(r.audience) > 0 && set.Audience == nil {
		return auth.Invalid("audience", errNoAudience)
	}
	if len(r.audience) > 0 {
		if err := set.CheckAudience(r.audience, configName); err != nil {
			return err
		}
	}
	if !r.expires && set.Expires.Unix() == 0 { // how some servers write that there is no end
		set.Expires = time.Time{}
	}
	if r.expires && set.Expires.IsZero() {
		return claims.Malformed("the answer has no exp; introspection.Config.InsecureNoExpiry accepts it")
	}
	if err := set.CheckTimes(now, r.skew, configName); err != nil {
		return err
	}
	// A token that is bound to a key (RFC 7800) is useless without the proof.
	if err := r.binding.Accepts(set.Bound); err != nil {
		return err
	}
	// RFC 7662 makes sub optional. A username or client_id as it is could be
	// that of another caller: nothing keeps the names of people and clients
	// apart.
	if err := set.Settle(members, r.completion.Names); err != nil {
		return err
	}
	if r.completion.Map != nil { // which may name the token
		return nil
	}
	return r.revocations.Reaches(set)
}

// The types that say more than that a token is an access token.
const (
	typeDPoP  = "dpop" // bound to a key (RFC 9449 section 5)
	typeMTLS  = "mtls" // bound to a certificate, as some servers write
	typeProof = "pop"  // bound in some way
	typeNone  = "n_a"  // not an access token (RFC 8693 section 2.2.1)
)

// checkTypes refuses tokens that are not access tokens. Some servers also
// answer about refresh tokens, and say so in typ (Keycloak), token_use (ORY
// Hydra) or token_type.
func (r *rules) checkTypes(members []jsondoc.Member, bound confirmation.Confirmation) error {
	typed := false
	for _, name := range [...]string{"token_type", "typ", "token_use"} {
		value := claims.Find(members, name)
		if value == nil {
			continue
		}
		typed = true
		text, ok := value.(string)
		if !ok {
			return claims.Malformed("the " + name + " of the answer is not a string")
		}
		typ := typeName(text)
		if !slices.Contains(r.types, typ) {
			return auth.Invalid("type", fmt.Errorf("the %s of the answer is not one of introspection.Config.Types (%s)", name, claims.Shown(r.types...)))
		}
		if !binds(typ, bound) {
			return auth.Invalid("binding", fmt.Errorf("the %s of the answer is %s, and the answer has no cnf to check with introspection.Config.DPoP or MutualTLS", name, typ))
		}
	}
	if r.typed && !typed {
		return auth.Invalid("type", errNoType)
	}
	return nil
}

// What the log says of an answer.
var (
	errInactive = errors.New("the answer says that the token is not active: it has expired or been revoked, " +
		"or introspection.Config.Endpoint or introspection.Config.Client.ID is not meant for this token")
	errNoAudience = errors.New("the aud is missing, and introspection.Config.Audience wants one; " +
		"introspection.Config.InsecureAnyAudience accepts tokens for any service")
	errNoType = errors.New("the answer has no token_type, typ or token_use, and introspection.Config.RequireType wants one")
)

// binds reports whether a token is bound as its type says: it is then not a
// bearer token, and without its binding anybody could use it (RFC 9449 sections
// 6.2 and 7.2).
func binds(typ string, bound confirmation.Confirmation) bool {
	switch typ {
	case typeDPoP:
		return bound.Key != ""
	case typeMTLS:
		return bound.Certificate != ""
	case typeProof:
		return bound.Key != "" || bound.Certificate != ""
	}
	return true
}
