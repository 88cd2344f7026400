package auth

import (
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// challenges are what 401 answers show, prepared at New.
type challenges struct {
	// bare is one challenge for each scheme, without an error.
	bare []bulwark.Challenge
	// anonymous is bare with the scopes, for a request without credentials.
	anonymous []bulwark.Challenge
	// dpopFirst and bearerFirst are bare with that scheme in front, for a
	// request that has used the scheme.
	dpopFirst, bearerFirst []bulwark.Challenge
	// of has the places in bare that each authenticator offers.
	of [][]int
	// request is the header of a 400 (RFC 6750 section 3.1).
	request []string
}

func newChallenges(all []Authenticator, config Config) challenges {
	c := challenges{of: make([][]int, len(all))}
	for i, a := range all {
		for _, offered := range a.Challenges() {
			challenge := complete(offered, config.Realm, config.ResourceMetadata)
			at := slices.IndexFunc(c.bare, func(b bulwark.Challenge) bool { return b.String() == challenge.String() })
			if at < 0 { // a token and a session offer the same Bearer: once is enough
				at = len(c.bare)
				c.bare = append(c.bare, challenge)
			}
			c.of[i] = append(c.of[i], at)
		}
	}
	for _, challenge := range c.mark("invalid_request", c.oauth) {
		c.request = append(c.request, challenge.String())
	}
	c.anonymous = c.bare
	if len(config.Scopes) > 0 {
		c.anonymous = c.with([2]string{"scope", strings.Join(config.Scopes, " ")}, c.oauth)
	}
	c.dpopFirst, c.bearerFirst = c.startingWith(dpop), c.startingWith(bearer)
	return c
}

// startingWith returns the bare challenges, those of the scheme in front.
func (c *challenges) startingWith(scheme string) []bulwark.Challenge {
	var first, rest []bulwark.Challenge
	for _, challenge := range c.bare {
		if is(challenge, scheme) {
			first = append(first, challenge)
			continue
		}
		rest = append(rest, challenge)
	}
	return append(first, rest...)
}

// The schemes of OAuth: those whose challenges say more (RFC 6750 section 3,
// RFC 9449 section 7.1).
const (
	bearer = "Bearer"
	dpop   = "DPoP"
)

// is reports whether a challenge is of the scheme, whose case does not matter
// (RFC 9110 section 11.1).
func is(c bulwark.Challenge, scheme string) bool { return strings.EqualFold(c.Scheme, scheme) }

func isOAuth(c bulwark.Challenge) bool { return is(c, bearer) || is(c, dpop) }

// complete puts the realm in front. If the scheme is one of OAuth, it puts the
// URL of the metadata behind.
func complete(c bulwark.Challenge, realm, metadata string) bulwark.Challenge {
	var params [][2]string
	if realm != "" {
		params = append(params, [2]string{"realm", realm})
	}
	params = append(params, c.Params...)
	if metadata != "" && isOAuth(c) {
		params = append(params, [2]string{"resource_metadata", metadata})
	}
	return bulwark.Challenge{Scheme: c.Scheme, Params: params}
}

// offered returns the challenges for the layers further in, with the scheme
// that the request has used in front. A layer that asks the caller for more
// marks the first challenge. A request without credentials learns the scopes.
func (c *challenges) offered(found *finding) []bulwark.Challenge {
	switch {
	case found.principal == nil:
		return c.anonymous
	case strings.EqualFold(found.scheme, dpop):
		return c.dpopFirst
	case strings.EqualFold(found.scheme, bearer):
		return c.bearerFirst
	}
	return c.bare
}

// refused returns the challenges for a credential that authenticator i has
// refused. The error stands in the challenge of the scheme that the credential
// came under.
func (c *challenges) refused(i int, scheme, code string) []bulwark.Challenge {
	for _, at := range c.of[i] {
		if is(c.bare[at], scheme) {
			return c.mark(code, func(n int) bool { return n == at })
		}
	}
	return c.mark(code, func(n int) bool { return n == c.of[i][0] })
}

// unclaimed returns the challenges for a token that no authenticator reads. It
// returns false if no authenticator offers the scheme.
func (c *challenges) unclaimed(scheme string) ([]bulwark.Challenge, bool) {
	same := func(n int) bool { return c.oauth(n) && is(c.bare[n], scheme) }
	for n := range c.bare {
		if same(n) {
			return c.mark("invalid_token", same), true
		}
	}
	return c.bare, strings.EqualFold(scheme, bearer)
}

func (c *challenges) oauth(n int) bool { return isOAuth(c.bare[n]) }

// mark returns the challenges, with an error parameter in the chosen ones.
func (c *challenges) mark(code string, chosen func(n int) bool) []bulwark.Challenge {
	return c.with([2]string{"error", code}, chosen)
}

// with returns the challenges, with a further parameter in the chosen ones.
func (c *challenges) with(param [2]string, chosen func(n int) bool) []bulwark.Challenge {
	marked := slices.Clone(c.bare)
	for n := range marked {
		if chosen(n) {
			marked[n].Params = append(slices.Clip(marked[n].Params), param)
		}
	}
	return marked
}
