package jose

import (
	"encoding/json"
	"errors"
	"math/big"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// This file is the only one that knows jwx, and one thing of it: how to read
// the numbers of a public key. Its reading of tokens is not used, and
// signatures are checked by the standard library.

// material names the members that make up a public key (RFC 7518 section 6, RFC
// 8037 section 2). Nothing else of a key is shown to jwx: a member that it
// cannot read, such as a broken x5c, must not cost the key.
var material = [...]string{"kty", "crv", "x", "y", "n", "e"}

// mostExponent is the largest RSA exponent in bits that crypto/rsa works with.
const mostExponent = 31

// publicOf reads the public key of a JWK that an issuer has published.
func publicOf(members map[string]any) (public any, err error) {
	defer func() {
		if recover() != nil { // one key must not cost the set
			public, err = nil, errors.New("the key cannot be read")
		}
	}()
	shown := map[string]any{}
	for _, name := range material {
		if value, there := members[name]; there {
			shown[name] = value
		}
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return nil, err
	}
	published, err := jwk.ParseKey(text)
	if err != nil {
		return nil, err
	}
	if err := published.Validate(); err != nil {
		return nil, err
	}
	// jwx cuts off what does not fit into an int, and would return another key.
	if key, ok := published.(jwk.RSAPublicKey); ok && new(big.Int).SetBytes(key.E()).BitLen() > mostExponent {
		return nil, errors.New("the RSA exponent has more than 31 bits")
	}
	if err := published.Raw(&public); err != nil {
		return nil, err
	}
	return public, nil
}
