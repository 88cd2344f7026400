package introspection

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// check returns what the claims are called, or what is wrong with c, whose
// defaults are filled in.
func (c Config) check() (claims.Names, error) {
	found := fault.In("introspection")
	if reason := address.Fault(c.Endpoint, "who can listen on the way has every token"); reason != "" {
		found.Add("Endpoint", address.WithoutUser(c.Endpoint), reason)
	}
	if c.Issuer == "" {
		found.Add("Issuer", "", "is empty; name the issuer of the tokens")
	}
	c.checkClient(found)
	c.checkTokens(found)
	c.checkBounds(found)
	if c.Revocations != nil && fault.IsNil(c.Revocations) {
		found.Add("Revocations", "", "is a nil pointer; use &auth.MemoryRevocations{} or a store that your processes share")
	}
	if c.DPoP != nil && c.DPoP.Challenge().Scheme == "" {
		found.Add("DPoP", "", "was made without dpop.New; check its error")
	}
	if c.InsecureUnbound && c.DPoP == nil && !c.MutualTLS {
		found.Add("InsecureUnbound", "", "says nothing without DPoP or MutualTLS: all tokens are unbound then")
	}
	names := claims.NamesOf(found, configName, c.RolesClaims, c.TierClaim, c.TokenIDClaim, c.ClientClaim)
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
		found.Add("Client.Secret", "", "must be set, or else exactly one of Certificate and Authorize: an endpoint that answers anybody tells thieves what their tokens are good for")
	}
	if c.Client.ID == "" && (c.Client.Secret != "" || c.Client.Certificate) {
		found.Add("Client.ID", "", "is empty; name this service as the authorization server knows it")
	}
	if c.Client.Certificate && c.Transport == nil {
		found.Add("Transport", "", "is nil; with Client.Certificate it is what has the certificate")
	}
	if c.Client.Certificate && !strings.HasPrefix(c.Endpoint, "https:") {
		found.Add("Client.Certificate", "", "needs an https Endpoint")
	}
}

// checkTokens looks at the rules for tokens.
func (c Config) checkTokens(found *fault.List) {
	if len(c.Audience) == 0 && !c.InsecureAnyAudience {
		found.Add("Audience", "", "is empty; name this service as the aud of its tokens does")
	}
	if len(c.Audience) > 0 && c.InsecureAnyAudience {
		found.Add("InsecureAnyAudience", "", "says nothing beside Audience; leave one of them out")
	}
	for i, audience := range c.Audience {
		if audience == "" {
			found.AddAt("Audience", i, "", "is empty")
		}
	}
	for i, name := range c.Types {
		switch name {
		case "":
			found.AddAt("Types", i, "", "is empty; an answer that has no type needs none")
		case typeNone:
			found.AddAt("Types", i, name, "says that a token is not an access token (RFC 8693 section 2.2.1)")
		}
	}
	if c.Skew > maxSkew {
		found.Add("Skew", c.Skew.String(), "must be at most 5 minutes")
	}
}

// checkBounds looks at times and sizes.
func (c Config) checkBounds(found *fault.List) {
	number := func(field string, value, most int64) {
		if value < 1 || value > most {
			found.Add(field, strconv.FormatInt(value, 10), fmt.Sprintf("must be between 1 and %d", most))
		}
	}
	number("MaxAnswerBytes", c.MaxAnswerBytes, mostAnswerBytes)
	number("MaxTokenBytes", c.MaxTokenBytes, mostTokenBytes)
	number("MaxConcurrent", int64(c.MaxConcurrent), mostConcurrent)
	if c.Timeout < 0 || c.Timeout > mostTimeout {
		found.Add("Timeout", c.Timeout.String(), "must be between 0 and 30 seconds; zero is 5 seconds")
	}
	if c.Cache.Lifetime > mostCacheLifetime {
		found.Add("Cache.Lifetime", c.Cache.Lifetime.String(), "must be at most 60 seconds; a revoked token is good for as long")
	}
	if c.Cache.InactiveLifetime > mostInactiveLifetime {
		found.Add("Cache.InactiveLifetime", c.Cache.InactiveLifetime.String(), "must be at most 5 seconds")
	}
	if c.InsecureOnOutage < 0 || c.InsecureOnOutage > mostOutage {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "must be between 0 and 1 hour; zero is not at all")
	}
	if c.InsecureOnOutage > 0 && (c.Cache.Lifetime < 0 || c.Cache.Max < 0) {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "says nothing where no answer is remembered")
	}
}
