package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"

	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

// privateArmour begins a private key in PEM, also if the line breaks are lost
// or another block stands before it: the parameters of a curve, as OpenSSL
// writes them.
var privateArmour = regexp.MustCompile(`-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----`)

// staticKey reads one argument of StaticKeys.
func staticKey(k any) ([]*jose.Key, error) {
	switch k := k.(type) {
	case string:
		return staticBytes([]byte(k), maxKeys)
	case []byte:
		return staticBytes(k, maxKeys)
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return nil, errors.New("is a private key; give the public key, which its method Public returns")
	}
	one, err := jose.NewKey("", "", k)
	if err != nil {
		return nil, err
	}
	return []*jose.Key{one}, nil
}

// staticBytes reads at most so many keys in PEM or JSON.
func staticBytes(text []byte, most int) ([]*jose.Key, error) {
	if privateArmour.Match(text) {
		return nil, errors.New("is a private key; give the public key, which openssl pkey -in FILE -pubout writes")
	}
	block, rest := pem.Decode(text)
	if block == nil {
		if keyform.Armour.Match(text) {
			return nil, errLineBreaks
		}
		return staticJSON(text, most)
	}
	var keys []*jose.Key
	for ; block != nil; block, rest = pem.Decode(rest) {
		public, err := publicFromPEM(block)
		if err != nil {
			return nil, err
		}
		one, err := jose.NewKey("", "", public)
		if err != nil {
			return nil, err
		}
		if keys = append(keys, one); len(keys) > most {
			return nil, &jose.TooManyKeysError{Keys: len(keys), Most: most}
		}
	}
	if len(keyform.Armour.FindAllIndex(text, -1)) != len(keys) { // a block that was not read must not go unseen
		return nil, errLineBreaks
	}
	return keys, nil
}

// staticJSON reads a JWK or JWK Set. A text of another kind is mostly a secret,
// or a variable that is not set.
func staticJSON(text []byte, most int) ([]*jose.Key, error) {
	if isBlank(text) {
		return nil, errors.New("is empty; is the variable set? Give a public key as PEM, JWK or JWK Set")
	}
	keys, err := jose.ParseKeys(text, most)
	switch {
	case err == nil:
		return keys, nil
	case errors.Is(err, jose.ErrPrivate):
		return nil, fmt.Errorf("%w; give a secret to SecretKeys, and of a private key the public key", err)
	case bytes.TrimSpace(text)[0] != '{' || !json.Valid(text):
		return nil, fmt.Errorf("is neither PEM nor a JWK or JWK Set, and a string or []byte is read as one of them; give a secret to SecretKeys (%w)", err)
	}
	return nil, err
}

func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// errLineBreaks is mostly about a text from an environment variable, which may
// not hold line breaks.
var errLineBreaks = errors.New("looks like PEM without line breaks, or cut short; " +
	`replace the two characters \n by line breaks, as strings.ReplaceAll(text, "\\n", "\n") does`)

func publicFromPEM(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}
	return nil, errors.New("has a PEM block of another type than PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE; give the public key in one of these three")
}
