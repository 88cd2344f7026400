package introspection

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/auth/internal/store"
)

// wrong takes down what is wrong with a field.
type wrong func(field, value, reason string)

// check returns what is wrong with c, whose defaults are filled in.
func (c Config) check() []error {
	var errs []error
	note := wrong(func(field, value, reason string) {
		errs = append(errs, &bulwark.ConfigError{Field: "introspection." + field, Value: value, Reason: reason})
	})
	if reason := address.Fault(c.Endpoint, "who can listen on the way has every token"); reason != "" {
		note("Endpoint", address.WithoutUser(c.Endpoint), reason)
	}
	if c.Issuer == "" {
		note("Issuer", "", "is empty; name the issuer of the tokens")
	}
	c.checkClient(note)
	c.checkTokens(note)
	c.checkBounds(note)
	if c.Revocations != nil && store.IsNil(c.Revocations) {
		note("Revocations", "", "is a nil pointer; use &auth.MemoryRevocations{} or a store that your processes share")
	}
	if c.DPoP != nil && c.DPoP.Challenge().Scheme == "" {
		note("DPoP", "", "was made without dpop.New; check its error")
	}
	if c.InsecureUnbound && c.DPoP == nil && !c.MutualTLS {
		note("InsecureUnbound", "", "says nothing without DPoP or MutualTLS: all tokens are unbound then")
	}
	return errs
}

// checkClient wants exactly one way in which this service is authenticated.
func (c Config) checkClient(note wrong) {
	ways := 0
	for _, way := range []bool{c.Client.Secret != "", c.Client.Certificate, c.Client.Authorize != nil} {
		if way {
			ways++
		}
	}
	if ways != 1 {
		note("Client.Secret", "", "must be set, or else exactly one of Certificate and Authorize: an endpoint that answers anybody tells thieves what their tokens are good for")
	}
	if c.Client.ID == "" && (c.Client.Secret != "" || c.Client.Certificate) {
		note("Client.ID", "", "is empty; name this service as the authorization server knows it")
	}
	if c.Client.Certificate && c.Transport == nil {
		note("Transport", "", "is nil; with Client.Certificate it is what has the certificate")
	}
	if c.Client.Certificate && !strings.HasPrefix(c.Endpoint, "https:") {
		note("Client.Certificate", "", "needs an https Endpoint")
	}
}

// checkTokens looks at the rules for tokens.
func (c Config) checkTokens(note wrong) {
	if len(c.Audience) == 0 && !c.InsecureAnyAudience {
		note("Audience", "", "is empty; name this service as the aud of its tokens does")
	}
	if len(c.Audience) > 0 && c.InsecureAnyAudience {
		note("InsecureAnyAudience", "", "says nothing beside Audience; leave one of them out")
	}
	for i, audience := range c.Audience {
		if audience == "" {
			note(fmt.Sprintf("Audience[%d]", i), "", "is empty")
		}
	}
	for i, name := range c.Types {
		if name == "" {
			note(fmt.Sprintf("Types[%d]", i), "", "is empty; an answer that has no type needs none")
		}
	}
	if c.Skew > maxSkew {
		note("Skew", c.Skew.String(), "must be at most 5 minutes")
	}
}

// checkBounds looks at times and sizes.
func (c Config) checkBounds(note wrong) {
	number := func(field string, value, most int64) {
		if value < 1 || value > most {
			note(field, strconv.FormatInt(value, 10), fmt.Sprintf("must be between 1 and %d", most))
		}
	}
	number("MaxAnswerBytes", c.MaxAnswerBytes, mostAnswerBytes)
	number("MaxTokenBytes", c.MaxTokenBytes, mostTokenBytes)
	number("MaxConcurrent", int64(c.MaxConcurrent), mostConcurrent)
	if c.Timeout < 0 || c.Timeout > mostTimeout {
		note("Timeout", c.Timeout.String(), "must be between 0 and 30 seconds; zero is 5 seconds")
	}
	if c.CacheLifetime > mostCacheLifetime {
		note("CacheLifetime", c.CacheLifetime.String(), "must be at most 60 seconds; a revoked token is good for as long")
	}
	if c.InactiveLifetime > mostInactiveLifetime {
		note("InactiveLifetime", c.InactiveLifetime.String(), "must be at most 5 seconds")
	}
	if c.InsecureOnOutage < 0 || c.InsecureOnOutage > mostOutage {
		note("InsecureOnOutage", c.InsecureOnOutage.String(), "must be between 0 and 1 hour; zero is not at all")
	}
	if c.InsecureOnOutage > 0 && (c.CacheLifetime < 0 || c.MaxCached < 0) {
		note("InsecureOnOutage", c.InsecureOnOutage.String(), "says nothing where no answer is remembered")
	}
}
