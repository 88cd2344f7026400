package introspection

import (
	"errors"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// An outcome is what has come of a question: one of the three is set.
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

// refusal is why a token is not good.
type refusal struct {
	reason string
	cause  error
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
	roles, tier claims.Path
	skew        time.Duration
	maxBytes    int
	expires     bool // tokens must have an exp
}

const (
	// answerOverhead is what an answer takes beside its text, and each role and
	// scope beside that.
	answerOverhead = 640
	grantOverhead  = 16
)

// read judges an answer (RFC 7662 section 2.2). An answer that cannot be read
// says nothing about the token; one that can be, and does not make a caller of
// it, refuses it.
func (r *rules) read(body []byte, asked, now time.Time) outcome {
	var room [24]jsondoc.Member
	members, err := jsondoc.Members(room[:0], body, claims.Limits(r.maxBytes))
	if err != nil {
		return outcome{failure: &failure{cause: err, token: true, strike: true}}
	}
	// Anything but the literal true is not active: no text, no number, no
	// absence.
	if active, _ := claims.Find(members, "active").(bool); !active {
		return outcome{refusal: &refusal{reason: "inactive"}}
	}
	set, grants, err := r.check(members, now)
	var p *bulwark.Problem
	if errors.As(err, &p) {
		return outcome{refusal: &refusal{p.Log.Reason, p.Err}}
	}
	return outcome{answer: &answer{
		principal: set.Principal(r.issuer, r.method, grants, body),
		bound:     set.Bound,
		asked:     asked,
		bytes:     len(body) + answerOverhead + grantOverhead*(len(grants.Roles)+len(grants.Scopes)),
	}}
}

// check holds the members of an active token's answer against the rules.
func (r *rules) check(members []jsondoc.Member, now time.Time) (claims.Set, claims.Grants, error) {
	set, err := claims.Read(members)
	if err != nil {
		return claims.Set{}, claims.Grants{}, err
	}
	if issuer := claims.Find(members, "iss"); issuer != nil && set.Issuer != r.issuer {
		return claims.Set{}, claims.Grants{}, auth.Invalid("issuer", nil)
	}
	if err := r.checkSet(&set, now); err != nil {
		return claims.Set{}, claims.Grants{}, err
	}
	if err := r.checkTypes(members); err != nil {
		return claims.Set{}, claims.Grants{}, err
	}
	grants, err := claims.ReadGrants(members, r.roles, r.tier)
	return set, grants, err
}

func (r *rules) checkSet(set *claims.Set, now time.Time) error {
	if len(r.audience) > 0 {
		if err := set.CheckAudience(r.audience); err != nil {
			return err
		}
	}
	if r.expires && set.Expires.IsZero() {
		return claims.Malformed("no exp")
	}
	if err := set.CheckTimes(now, r.skew); err != nil {
		return err
	}
	// A token that is bound to a key (RFC 7800) is worth nothing without the
	// proof.
	if err := r.binding.Accepts(set.Bound); err != nil {
		return err
	}
	// RFC 7662 makes sub optional. A username or client_id in its place could
	// be that of another caller: nothing keeps the names of people and clients
	// apart.
	if set.Subject == "" {
		return claims.Malformed("no sub")
	}
	return r.revocations.Reaches(set)
}

// checkTypes refuses what is no access token: servers that answer about refresh
// tokens, whatever the hint, say so in typ (Keycloak), token_use (ORY Hydra) or
// token_type.
func (r *rules) checkTypes(members []jsondoc.Member) error {
	for _, name := range [...]string{"token_type", "typ", "token_use"} {
		value := claims.Find(members, name)
		if value == nil {
			continue
		}
		text, ok := value.(string)
		if !ok {
			return claims.Malformed("the claim " + name + " is of another type")
		}
		if !slices.Contains(r.types, typeName(text)) {
			return auth.Invalid("type", errors.New("the "+name+" is not that of an access token"))
		}
	}
	return nil
}
