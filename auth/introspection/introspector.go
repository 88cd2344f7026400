package introspection

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/auth/internal/terms"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// An Introspector asks an authorization server about the tokens that the server
// has issued. It is an [auth.Authenticator] for the schemes Bearer and DPoP of
// the Authorization header. It is safe for concurrent use, and prints without
// its secret. Make it with [New].
type Introspector struct {
	rules         rules
	maxTokenBytes int
	scope         key // of the endpoint and of the client that asks
	memory        *memory
	flights       *flights
}

// The interfaces by which [auth.New] knows an Introspector.
var (
	_ auth.Authenticator = (*Introspector)(nil)
	_ auth.Issuer        = (*Introspector)(nil)
	_ auth.Reviewer      = (*Introspector)(nil)
	_ terms.Party        = (*Introspector)(nil)
	_ bulwark.Shutdowner = (*Introspector)(nil)
)

func newIntrospector(c Config, names claims.Names) *Introspector {
	i := &Introspector{
		maxTokenBytes: int(c.MaxTokenBytes),
		scope:         scopeOf(c.Endpoint, c.Client.ID),
		memory:        newMemory(c),
	}
	binding := confirmation.Rules{Config: configName, MutualTLS: c.MutualTLS, Unbound: c.InsecureUnbound}
	if c.DPoP != nil { // a nil *dpop.Verifier in the interface would be one that checks
		binding.Prover = c.DPoP
	}
	i.rules = rules{
		issuer: c.Issuer, audience: c.Audience, types: c.Types, method: c.Method, binding: binding,
		revocations: revocation.New(c.Revocations, 0, configName),
		completion:  claims.Completion{Names: names, Map: c.Map, Revoked: c.Revocations != nil, Skew: max(c.Skew, 0)},
		skew:        max(c.Skew, 0), maxBytes: int(c.Client.MaxAnswerBytes), expires: !c.InsecureNoExpiry, typed: c.RequireType,
	}
	i.flights = newFlights(c, newEndpoint(c), i.rules, i.memory)
	return i
}

// Issuer returns the issuer of the callers.
func (i *Introspector) Issuer() string {
	if i == nil {
		return ""
	}
	return i.rules.issuer
}

// Terms tells [auth.New] whether the signed tokens of the issuer may be
// accepted beside its opaque tokens.
func (i *Introspector) Terms() terms.Terms {
	if i.made() != nil {
		return terms.Terms{}
	}
	binding := &i.rules.binding
	return terms.Terms{
		Kind: terms.Opaque, Revocations: i.rules.revocations.Store(), DPoP: binding.Prover,
		MutualTLS: binding.MutualTLS, Unbound: binding.Unbound, Clients: i.rules.completion.Names.Clients(), MaxTokenBytes: i.maxTokenBytes,
	}
}

// Review asks [Config.Revocations] again, for the streams of a caller. Without
// Revocations there is nothing to ask. The endpoint is not asked again, because
// a caller does not hold the token: a token that only the server revokes ends
// its streams when it expires.
func (i *Introspector) Review(p *bulwark.Principal) (name string, again func(context.Context) error) {
	if i.made() != nil {
		return "", nil
	}
	return i.rules.revocations.Review(p)
}

// Format names the issuer, and keeps the secret out of logs for every verb.
func (i *Introspector) Format(f fmt.State, _ rune) { io.WriteString(f, i.shown()) }

func (i *Introspector) shown() string { return "introspection for " + strconv.Quote(i.Issuer()) }

// LogValue is the text of Format.
func (i *Introspector) LogValue() slog.Value { return slog.StringValue(i.shown()) }

// made returns an error for an Introspector that was made without New.
func (i *Introspector) made() error {
	if i == nil || i.flights == nil {
		return fault.Unmade("introspection", "New")
	}
	return nil
}

// Detect returns [auth.Fallback] for any Bearer token. With [Config.DPoP] the
// scheme may also be DPoP. So the Introspector gets the tokens that no other
// authenticator has recognized.
func (i *Introspector) Detect(r *http.Request) auth.Presence {
	if i.made() != nil {
		return auth.None
	}
	if _, _, ok := i.rules.binding.Credentials(r); !ok {
		return auth.None
	}
	return auth.Fallback
}

// Authenticate asks about the token of r, unless the answer is known. If the
// token is bound to a client, r must come from this client.
func (i *Introspector) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := i.made(); err != nil {
		return nil, err
	}
	token, scheme, ok := i.rules.binding.Credentials(r)
	if !ok {
		return nil, i.named(auth.Invalid("malformed", errNoToken))
	}
	a, err := i.verify(r.Context(), token)
	if err != nil {
		return nil, i.named(err)
	}
	if err := i.rules.binding.Check(r, scheme, token, a.bound); err != nil {
		return nil, i.named(err)
	}
	return a.principal, nil
}

// named makes the event of a refusal name the Method of i.
func (i *Introspector) named(err error) error { return attempt.Mark(err, i.rules.method) }

// Verify checks a token outside a request. It returns the caller that the token
// stands for, or an error for [bulwark.Deny]:
//
//   - a token that is not good is an error of [auth.Invalid];
//   - if the endpoint cannot be asked, the error is one of [auth.Unavailable].
//
// A token that is bound to a client is refused, because there is no request
// that proves the binding. The context bounds how long Verify waits. The
// question goes on for other requests that wait for it.
func (i *Introspector) Verify(ctx context.Context, token string) (*bulwark.Principal, error) {
	if err := i.made(); err != nil {
		return nil, err
	}
	a, err := i.verify(ctx, token)
	if err != nil {
		return nil, i.named(err)
	}
	if err := confirmation.CheckNone(a.bound); err != nil {
		return nil, i.named(err)
	}
	return a.principal, nil
}

// verify returns the answer about a good token, and what its request must
// prove.
func (i *Introspector) verify(ctx context.Context, token string) (*answer, error) {
	if err := checkForm(token, i.maxTokenBytes); err != nil {
		return nil, auth.Invalid("malformed", err)
	}
	k := i.scope.of(token)
	o, known := i.memory.known(k, time.Now())
	if !known {
		if isUnsigned(token, i.maxTokenBytes) {
			return nil, auth.Invalid("malformed", errUnsigned)
		}
		// A signed token of another issuer is a credential for another service.
		// The endpoint must not see it.
		if named, ok := compact.Issuer(token, i.maxTokenBytes); ok && named != i.rules.issuer {
			return nil, auth.Invalid("issuer", claims.OtherIssuer(named, i.rules.issuer, configName))
		}
		var err error
		if o, err = i.flights.take(ctx, k, token); err != nil {
			return nil, err
		}
	}
	switch {
	case o.answer != nil:
		return o.answer, i.rules.revocations.Check(ctx, o.answer.principal)
	case o.refusal != nil:
		return nil, o.refusal.own()
	}
	now := time.Now()
	if last := i.memory.last(k, now); last != nil {
		return last, i.rules.revocations.Check(ctx, last.principal)
	}
	return nil, unavailable(o.failure.cause, o.failure.retryAt.Sub(now))
}

// unavailable refuses a token while the endpoint cannot be asked.
func unavailable(cause error, retryAfter time.Duration) *bulwark.Problem {
	return auth.Unavailable("introspection_unavailable", fmt.Errorf("ask introspection.Config.Endpoint: %w", cause), max(retryAfter, time.Second))
}

// Challenges offers the accepted schemes, the preferred scheme first: Bearer
// (RFC 6750 section 3), and DPoP with the algorithms of proofs (RFC 9449
// section 7.1).
func (i *Introspector) Challenges() []bulwark.Challenge {
	if i.made() != nil {
		return []bulwark.Challenge{{Scheme: confirmation.Bearer}}
	}
	return i.rules.binding.Challenges()
}

// Shutdown asks no more questions, and ends the questions under way. It waits
// for their end until ctx ends. Remembered answers are used until they expire.
func (i *Introspector) Shutdown(ctx context.Context) error {
	if i.made() != nil {
		return nil
	}
	return i.flights.shutdown(ctx)
}
