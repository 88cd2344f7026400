package auth

import (
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// challenges are what 401 answers show, prepared at New.
type challenges struct {
	// bare is one challenge for each kind of credential.
	bare []bulwark.Challenge
	// invalid has, for each authenticator, error="invalid_token" in the
	// challenge of that one; the last entry is for a token that nobody claims.
	invalid [][]bulwark.Challenge
	// request is the header of a 400 (RFC 6750 section 3.1).
	request []string
}

func newChallenges(all []Authenticator, realm, metadata string) challenges {
	var c challenges
	which := make([]int, len(all)) // the authenticator's challenge in bare
	for i, a := range all {
		challenge := complete(a.Challenge(), realm, metadata)
		which[i] = slices.IndexFunc(c.bare, func(b bulwark.Challenge) bool { return b.String() == challenge.String() })
		if which[i] < 0 { // a token and a session offer the same Bearer: once is enough
			which[i] = len(c.bare)
			c.bare = append(c.bare, challenge)
		}
	}
	for _, n := range which {
		c.invalid = append(c.invalid, c.mark("invalid_token", func(i int) bool { return i == n }))
	}
	isBearer := func(i int) bool { return strings.EqualFold(c.bare[i].Scheme, "Bearer") }
	c.invalid = append(c.invalid, c.mark("invalid_token", isBearer))
	for _, challenge := range c.mark("invalid_request", isBearer) {
		c.request = append(c.request, challenge.String())
	}
	return c
}

// complete puts the realm in front, and where the scheme is one of OAuth the
// URL of the metadata behind.
func complete(c bulwark.Challenge, realm, metadata string) bulwark.Challenge {
	var params [][2]string
	if realm != "" {
		params = append(params, [2]string{"realm", realm})
	}
	params = append(params, c.Params...)
	if metadata != "" && (strings.EqualFold(c.Scheme, "Bearer") || strings.EqualFold(c.Scheme, "DPoP")) {
		params = append(params, [2]string{"resource_metadata", metadata})
	}
	return bulwark.Challenge{Scheme: c.Scheme, Params: params}
}

// mark returns the challenges with an error parameter in those that are chosen.
func (c *challenges) mark(code string, chosen func(i int) bool) []bulwark.Challenge {
	marked := slices.Clone(c.bare)
	for i := range marked {
		if chosen(i) {
			marked[i].Params = append(slices.Clip(marked[i].Params), [2]string{"error", code})
		}
	}
	return marked
}
