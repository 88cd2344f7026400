package introspection

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// check returns the names of the claims, or the mistakes in c. The defaults of
// c are filled in.
func (c Config) check() (claims.Names, error) {
	found := fault.In("introspection" + issuer.Label(c.Issuer))
	if reason := address.Fault(c.Endpoint, "an attacker on the way could read every token"); reason != "" {
		found.Add("Endpoint", address.WithoutUser(c.Endpoint), reason)
	}
	if c.Issuer == "" {
		found.Add("Issuer", "", "is empty; write the iss of the tokens, or another name for their issuer")
	}
	c.checkClient(found)
	c.checkTokens(found)
	c.checkBounds(found)
	if c.Revocations != nil && fault.IsNil(c.Revocations) {
		found.Add("Revocations", "", "holds a nil pointer; use &auth.MemoryRevocations{}, or leave it out")
	}
	if c.DPoP != nil && c.DPoP.Challenge().Scheme == "" {
		found.Add("DPoP", "", "was made without dpop.New; check its error")
	}
	if c.InsecureUnbound && c.DPoP == nil && !c.MutualTLS {
		found.Add("InsecureUnbound", "", "needs DPoP or MutualTLS; leave it out: without them every accepted token is unbound")
	}
	names := claims.Fields{
		Config: configName, Roles: c.RolesClaims, Tier: c.TierClaim, TokenID: c.TokenIDClaim, Client: c.ClientClaim,
		Subject: c.SubjectClaim, InsecureSubject: c.InsecureSubjectClaim,
	}.Names(found)
	return names, found.Err()
}

// checkClient wants exactly one way in which this service is authenticated.
func (c Config) checkClient(found *fault.List) {
	ways := 0
	for _, way := range []bool{c.Client.Secret != "", c.Client.Certificate, c.Client.Authorize != nil} {
		if way {
			ways++
		}
	}
	if ways != 1 {
		found.Add("Client.Secret", "", "must be set, or exactly one of Client.Certificate and Client.Authorize in its place: an endpoint must not tell everybody what a token is good for")
	}
	if c.Client.ID == "" && (c.Client.Secret != "" || c.Client.Certificate) {
		found.Add("Client.ID", "", "is empty; write the client_id of this service at the authorization server")
	}
	if c.Client.Certificate && c.Client.Transport == nil {
		found.Add("Client.Transport", "", "is nil; Client.Certificate needs a Client.Transport with the certificate in its TLSClientConfig")
	}
	if c.Client.Certificate && !strings.HasPrefix(c.Endpoint, "https:") {
		found.Add("Client.Certificate", "", "needs an https Endpoint; use Client.Secret on loopback")
	}
}

// checkTokens looks at the rules for tokens.
func (c Config) checkTokens(found *fault.List) {
	if len(c.Audience) == 0 && !c.InsecureAnyAudience {
		found.Add("Audience", "", "is empty; write the aud of the tokens for this service, or set InsecureAnyAudience if the answers have no aud")
	}
	if len(c.Audience) > 0 && c.InsecureAnyAudience {
		found.Add("InsecureAnyAudience", "", "must not stand beside Audience; leave one of them out")
	}
	for i, audience := range c.Audience {
		if audience == "" {
			found.AddAt("Audience", i, "", "is empty; leave it out, or write the aud of the tokens for this service")
		}
	}
	for i, name := range c.Types {
		switch name {
		case "":
			found.AddAt("Types", i, "", "is empty; leave it out: an answer without a type is accepted unless RequireType is set")
		case typeNone:
			found.AddAt("Types", i, name, "must be left out: this type says that a token is not an access token (RFC 8693 section 2.2.1)")
		}
	}
	if c.Skew > maxSkew {
		found.Add("Skew", c.Skew.String(), "must be at most 5 minutes; zero is 60 seconds, negative allows no difference")
	}
}

// checkBounds looks at times and sizes.
func (c Config) checkBounds(found *fault.List) {
	number := func(field string, value, most int64) {
		if value < 1 || value > most {
			found.Add(field, strconv.FormatInt(value, 10), fmt.Sprintf("must be between 1 and %d; zero is the default", most))
		}
	}
	number("Client.MaxAnswerBytes", c.Client.MaxAnswerBytes, mostAnswerBytes)
	number("MaxTokenBytes", c.MaxTokenBytes, mostTokenBytes)
	number("Client.MaxConcurrent", int64(c.Client.MaxConcurrent), mostConcurrent)
	if c.Client.Timeout < 0 || c.Client.Timeout > mostTimeout {
		found.Add("Client.Timeout", c.Client.Timeout.String(), "must be at most 30 seconds; zero is 5 seconds")
	}
	if c.Cache.Lifetime > mostCacheLifetime {
		found.Add("Cache.Lifetime", c.Cache.Lifetime.String(), "must be at most 60 seconds: a revoked token stays good for this time; negative remembers no answer")
	}
	if c.Cache.InactiveLifetime > mostInactiveLifetime {
		found.Add("Cache.InactiveLifetime", c.Cache.InactiveLifetime.String(), "must be at most 5 seconds; negative remembers no refusal")
	}
	if c.InsecureOnOutage < 0 || c.InsecureOnOutage > mostOutage {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "must be between 0 and 1 hour; zero refuses tokens at once in an outage")
	}
	if c.InsecureOnOutage > 0 && (c.Cache.Lifetime < 0 || c.Cache.Max < 0) {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "needs answers that are remembered; do not set Cache.Lifetime or Cache.Max below zero")
	}
}
