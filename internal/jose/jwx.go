package jose

import (
	"errors"
	"fmt"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

// This file is the only one that knows jwx, and one thing of it: how to read a
// key set. Its reading of tokens is not used, and signatures are checked by the
// standard library.

// ParseKeys reads a JWK or JWK Set (RFC 7517) of at most so many keys. Keys
// that are of no use here (of another type, too weak, for encryption) are left
// out; a secret or private key refuses the whole set: it has been published,
// and whoever has read it signs tokens.
func ParseKeys(body []byte, most int) ([]*Key, error) {
	// Decoded strictly first, so that nothing in it can be read in two ways.
	value, err := jsondoc.DecodeValue(body, jsondoc.Limits{Bytes: len(body), Depth: 8, Keys: 32 * most, Items: most, Values: 64 * most})
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("is neither PEM nor a JWK or JWK Set")
	}
	if err := refuseSecrets(object); err != nil {
		return nil, err
	}
	set, err := jwk.Parse(body, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	var keys []*Key
	unusable := errors.New("it has none")
	for i := range set.Len() {
		published, ok := set.Key(i)
		if !ok || !forSignatures(published) {
			continue
		}
		k, err := usable(published)
		if err != nil {
			unusable = err
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no usable key in the key set: %w", unusable)
	}
	return keys, nil
}

// refuseSecrets looks for keys that are not public.
func refuseSecrets(object map[string]any) error {
	list, isSet := object["keys"].([]any)
	if !isSet {
		list = []any{object}
	}
	for _, item := range list {
		one, _ := item.(map[string]any)
		if one["kty"] == "oct" || isPrivate(one) {
			return errors.New("the key set holds a secret or private key")
		}
	}
	return nil
}

// forSignatures reports whether the key is meant for checking signatures (RFC
// 7517 sections 4.2 and 4.3).
func forSignatures(published jwk.Key) bool {
	if use := published.KeyUsage(); use != "" && use != "sig" {
		return false
	}
	operations := published.KeyOps()
	for _, operation := range operations {
		if operation == jwk.KeyOpVerify {
			return true
		}
	}
	return len(operations) == 0
}

func usable(published jwk.Key) (*Key, error) {
	if err := published.Validate(); err != nil {
		return nil, err
	}
	var raw any
	if err := published.Raw(&raw); err != nil {
		return nil, err
	}
	alg := ""
	if published.Algorithm() != nil {
		alg = published.Algorithm().String()
	}
	return NewKey(published.KeyID(), alg, raw)
}
