package jwt

import (
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// check notes the mistakes in the plain fields.
func (c Config) check(found *fault.List) {
	if c.Issuer == "" {
		found.Add("Issuer", "", "is empty; write the iss of the tokens, to the letter")
	}
	if isTemplate(c.Issuer) {
		found.Add("Issuer", address.WithoutUser(c.Issuer), "is a template; write the iss of one tenant, to the letter, or give the Config to NewIssuers as IssuersConfig.Template")
	}
	if len(c.Audience) == 0 {
		found.Add("Audience", "", "is empty; write the aud of the tokens for this service")
	}
	for i, audience := range c.Audience {
		if audience == "" {
			found.AddAt("Audience", i, "", "is empty; leave it out, or write the aud of the tokens for this service")
		}
	}
	if c.Skew > maxSkew {
		found.Add("Skew", c.Skew.String(), "must be at most 5 minutes; zero is 60 seconds, negative allows no difference")
	}
	if c.MaxLifetime < 0 || c.MaxLifetime > mostLifetime {
		found.Add("MaxLifetime", c.MaxLifetime.String(), "must be between 0 and 10 years; zero sets no limit")
	}
	if c.MaxTokenBytes < 0 || c.MaxTokenBytes > mostBytes {
		found.Add("MaxTokenBytes", strconv.FormatInt(c.MaxTokenBytes, 10), "must be between 1 and 65536; zero is 8192")
	}
	c.checkRequire(found)
	if c.DPoP != nil && c.DPoP.Challenge().Scheme == "" {
		found.Add("DPoP", "", "was made without dpop.New; check its error")
	}
	if c.InsecureUnbound && c.DPoP == nil && !c.MutualTLS {
		found.Add("InsecureUnbound", "", "needs DPoP or MutualTLS; leave it out: without them every accepted token is unbound")
	}
	if c.Revocations != nil && fault.IsNil(c.Revocations) {
		found.Add("Revocations", "", "holds a nil pointer; use &auth.MemoryRevocations{}, or leave it out")
	}
	if c.InsecureOnOutage < 0 || c.InsecureOnOutage > mostOutage {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "must be between 0 and 1 hour; zero refuses tokens at once in an outage")
	}
	if c.InsecureOnOutage > 0 && c.Revocations == nil {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "needs Revocations; set Revocations, or leave it out")
	}
}

// types returns the accepted types in lower case: typ is a media type, whose
// case does not matter (RFC 7515 section 4.1.9).
func (c Config) types(found *fault.List) []string {
	if len(c.Types) == 0 {
		return []string{defaultType}
	}
	var types []string
	for i, typ := range c.Types {
		typ = strings.ToLower(typ)
		switch {
		case typ == "" || typ == "jwt":
			found.AddAt("Types", i, typ, "does not tell access tokens from other tokens; set InsecurePlainType if the issuer has no better typ")
		case strings.HasPrefix(typ, "application/") || len(typ) > jose.MaxType || !jose.IsPrintable(typ):
			found.AddAt("Types", i, typ, "must be without application/ in front, and at most 64 bytes of printable ASCII")
		}
		types = append(types, typ)
	}
	return types
}

// algorithms returns the accepted algorithms, which must fit the keys: a list
// that names both secrets and public keys is how a public key comes to be
// taken for a secret (RFC 8725 section 2.1).
func (c Config) algorithms() (map[string]*jose.Algorithm, error) {
	found := fault.In("jwt")
	keys, ok := c.Keys.(source)
	if !ok {
		found.Add("Keys", "", "is nil; use Discover, RemoteKeys, KeyFile, StaticKeys, SecretKeys or Signer.Keys")
		return nil, found.Err()
	}
	found.Join(keys.faults(c.Issuer))
	known := jose.Algorithms()
	for i, name := range c.Algorithms {
		a := known[name]
		switch {
		case a == nil:
			found.AddAt("Algorithms", i, name, "must be one of "+strings.Join(jose.Names(known), ", "))
		case a.Secret() && !keys.secret():
			found.AddAt("Algorithms", i, name, "needs Keys of SecretKeys, and is never accepted beside public keys")
		case !a.Secret() && keys.secret():
			found.AddAt("Algorithms", i, name, "needs public keys, and Keys are secrets; use HS256, HS384 or HS512, or leave Algorithms out")
		}
	}
	chosen := jose.Choose(known, c.Algorithms)
	if len(c.Algorithms) == 0 {
		for name, a := range known {
			if a.Secret() == keys.secret() {
				chosen[name] = a
			}
		}
	}
	if set := keys.initial(); set != nil && found.Err() == nil {
		found.Join(useless(set, chosen))
	}
	return chosen, found.Err()
}
