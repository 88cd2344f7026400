package jwt

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// SignerConfig says with which key tokens are made. It prints, logs and encodes
// as JSON without the key. Other encoders see every field.
type SignerConfig struct {
	// Key signs the tokens. It may live in an HSM. An RSA key of at least 2048
	// bits signs with RS256, an ECDSA key on P-256 with ES256, and an Ed25519
	// key with EdDSA. Required.
	Key crypto.Signer
	// Issuer is the iss of the tokens. Required.
	Issuer string
	// KeyID is the kid of the tokens, of printable ASCII. Default: the
	// thumbprint of the key (RFC 7638), which names the same key everywhere. At
	// most 256 bytes.
	KeyID string
	// Retired are the public keys of earlier signing keys. Their tokens are
	// still accepted. The keys are published beside the Key, under their
	// thumbprints. Keep a key here as long as its tokens live. Default: none.
	Retired []crypto.PublicKey
}

// Format names the issuer, and keeps the key out of logs for every verb.
func (c SignerConfig) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c SignerConfig) shown() string { return "signer of " + strconv.Quote(c.Issuer) }

// LogValue is the text of Format.
func (c SignerConfig) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c SignerConfig) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

// A Signer makes tokens. It is safe for concurrent use, and prints without its
// key. Make it with [NewSigner]: a Signer that was made without it signs and
// publishes nothing.
type Signer struct {
	key       crypto.Signer
	algorithm string
	issuer    string
	kid       string
	published *static
	jwks      []byte
}

// NewSigner returns a signer. The error joins a *[bulwark.ConfigError] for each
// mistake.
func NewSigner(c SignerConfig) (*Signer, error) {
	found := fault.In("jwt(signer)")
	wrong := func(field, reason string) { found.Add(field, "", reason) }
	if c.Issuer == "" {
		wrong("Issuer", "is empty; name the iss of the tokens")
	}
	if len(c.KeyID) > jose.MaxKeyID || !jose.IsPrintable(c.KeyID) {
		wrong("KeyID", "must be at most 256 bytes of printable ASCII; leave it out for the thumbprint of the Key")
	}
	s := &Signer{key: c.Key, issuer: c.Issuer, kid: c.KeyID, published: &static{}}
	var keys []*jose.Key
	if c.Key == nil {
		wrong("Key", "is nil; use a key of RSA, ECDSA on P-256, or Ed25519")
	} else if public, err := jose.NewKey(c.KeyID, "", c.Key.Public()); err != nil {
		wrong("Key", err.Error())
	} else if s.algorithm = public.SignsWith(); s.algorithm == "" {
		wrong("Key", "must be a key of RSA, ECDSA on P-256, or Ed25519")
	} else {
		public.Algorithm = s.algorithm
		public.ID = cmp.Or(public.ID, public.ThumbprintText())
		s.kid = public.ID
		keys = append(keys, public)
	}
	for i, retired := range c.Retired {
		old, err := jose.NewKey("", "", retired)
		if err != nil {
			found.AddAt("Retired", i, "", err.Error())
			continue
		}
		old.ID = old.ThumbprintText()
		if slices.ContainsFunc(keys, func(k *jose.Key) bool { return k.ID == old.ID }) {
			found.AddAt("Retired", i, "", "is there twice, or is the Key that signs; leave it out")
		}
		keys = append(keys, old)
	}
	if found.Err() == nil {
		s.published.set = jose.NewKeySet(keys)
		var err error
		if s.jwks, err = jose.JWKS(s.published.set.Keys()); err != nil {
			wrong("Key", err.Error())
		}
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// made returns an error for a Signer that was made without NewSigner.
func (s *Signer) made() error {
	if s == nil || s.published == nil {
		return fault.Unmade("jwt(signer)", "NewSigner")
	}
	return nil
}

// Format names the issuer, and keeps the key out of logs for every verb.
func (s *Signer) Format(f fmt.State, _ rune) { io.WriteString(f, s.shown()) }

func (s *Signer) shown() string { return "signer of " + strconv.Quote(s.Issuer()) }

// Issuer returns the iss of the tokens.
func (s *Signer) Issuer() string {
	if s == nil {
		return ""
	}
	return s.issuer
}

// Sign returns a token with the typ, such as "at+jwt", and the claims. The
// Signer adds the iss. The caller gives all other claims; exp, iat and nbf are
// seconds since 1970 (RFC 7519 section 2). Claims without exp, or with the iss
// of another issuer, are an error, because a verifier should not accept such a
// token.
func (s *Signer) Sign(typ string, claims map[string]any) (string, error) {
	if err := s.made(); err != nil {
		return "", err
	}
	if typ == "" {
		return "", errors.New("jwt: sign: the typ is empty; an access token has at+jwt")
	}
	if claims["exp"] == nil {
		return "", errors.New("jwt: sign: the claims have no exp; set the second since 1970 when the token ends")
	}
	if iss, ok := claims["iss"]; ok && iss != s.issuer {
		return "", errors.New("jwt: sign: the iss is not SignerConfig.Issuer; leave it out")
	}
	body := make(map[string]any, len(claims)+1)
	for name, value := range claims {
		body[name] = value
	}
	body["iss"] = s.issuer
	payload, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("jwt: sign: encode the claims: %w", err)
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid"`
	}{s.algorithm, typ, s.kid})
	if err != nil {
		return "", fmt.Errorf("jwt: sign: encode the header: %w", err)
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := s.signature([]byte(input))
	if err != nil {
		return "", fmt.Errorf("jwt: sign: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// signature signs in the form of RFC 7518 section 3 and RFC 8037 section 3.1.
func (s *Signer) signature(input []byte) ([]byte, error) {
	if s.algorithm == "EdDSA" {
		return s.key.Sign(rand.Reader, input, crypto.Hash(0))
	}
	digest := sha256.Sum256(input)
	signature, err := s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil || s.algorithm != "ES256" {
		return signature, err
	}
	// A crypto.Signer answers in ASN.1; JWS wants the two numbers, each of 32
	// bytes (RFC 7518 section 3.4).
	var point struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &point); err != nil || len(rest) > 0 || point.R.BitLen() > 256 || point.S.BitLen() > 256 {
		return nil, errors.New("SignerConfig.Key did not return an ECDSA signature in ASN.1")
	}
	fixed := make([]byte, 64)
	point.R.FillBytes(fixed[:32])
	point.S.FillBytes(fixed[32:])
	return fixed, nil
}

// Keys returns the public keys, for a [Verifier] in the same process.
func (s *Signer) Keys() KeySource {
	if s.made() != nil {
		return &static{err: &bulwark.ConfigError{Field: "jwt.Keys", Reason: "are of a Signer that was made without NewSigner; check the error of NewSigner"}}
	}
	return s.published
}

// JWKSHandler returns a handler of GET and HEAD that serves the public keys as
// a JWK Set (RFC 7517 section 5). Clients may cache the answer for 5 minutes.
func (s *Signer) JWKSHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.made(); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "jwt.method_not_allowed",
				Header: http.Header{"Allow": {"GET, HEAD"}}})
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Content-Length", strconv.Itoa(len(s.jwks)))
		h.Set("Cache-Control", "public, max-age=300")
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodGet {
			w.Write(s.jwks)
		}
	})
}
