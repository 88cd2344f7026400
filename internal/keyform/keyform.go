// Package keyform recognizes keys by their form, where random bytes are wanted.
package keyform

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"regexp"
)

// Armour begins the text of a key or certificate in PEM (RFC 7468), in the
// format of SSH2 (RFC 4716) or of OpenPGP, also if the line breaks are
// lost.
var Armour = regexp.MustCompile(`-----?[ %+]?(20)?BEGIN[ %+](20)?[A-Z0-9]`)

// openSSH begins a public key as OpenSSH writes it in one line, with options in
// front or not, and putty one of PuTTY.
var (
	openSSH = regexp.MustCompile(`(^|[\s"])(ssh-(rsa|dss|ed25519|ed448)|ecdsa-sha2-[a-z0-9-]+|sk-(ssh|ecdsa)-[a-z0-9@.-]+)(-cert-v01@openssh\.com)?\s+AAAA`)
	putty   = regexp.MustCompile(`^PuTTY-User-Key-File-[0-9]+:`)
	jwkText = regexp.MustCompile(`"(kty|keys|jwks_uri|crv|n|x5c|x5u)\\*"\s*:`) // also as a string of JSON
	// rsaText is what openssl prints of a key, as text or with -modulus.
	rsaText = regexp.MustCompile(`^(Modulus=[0-9A-F]+|(RSA )?(Public|Private)-Key: \()`)
	webText = regexp.MustCompile(`^https?://`)
	xmlText = regexp.MustCompile(`<(\w+:)?((RSA|DSA|EC)?KeyValue|X509Certificate|X509Data)[\s>]`)
	// marked is what settings have in front of an encoded value.
	marked = regexp.MustCompile(`^([A-Z][A-Z0-9_]*=)?(data:[^,]*,|base64:|hex:|0[xX])?`)
)

// mostEncodings is how often a key is looked for in base64 of base64.
const mostEncodings = 3

// Of says which kind of key a secret is by its form, such as "a public key in
// DER". It is empty for a secret without such a form.
//
// A secret of HMAC that is in truth a public key, or a certificate, is known to
// everybody, and everybody could make what it signs (RFC 8725 section 3.1).
// Random bytes do not have these forms.
func Of(secret []byte) string { return within(secret, mostEncodings) }

func within(secret []byte, encodings int) string {
	text := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(narrow(secret)), []byte("\ufeff")))
	text = bytes.Trim(text, "\"'` \t\r\n") // as files of settings quote
	if kind := otherText(text); kind != "" {
		return kind
	}
	if kind := otherDER(secret); kind != "" || encodings == 0 {
		return kind
	}
	text = marked.ReplaceAll(text, nil)
	for _, raw := range decoded(text) {
		if kind := within(raw, encodings-1); kind != "" {
			return kind
		}
	}
	return ""
}

// narrow returns UTF-16 that is ASCII as ASCII, as some editors and shells
// write files. Random bytes do not have a zero in every other place.
func narrow(secret []byte) []byte {
	text := bytes.TrimPrefix(bytes.TrimPrefix(secret, []byte("\xff\xfe")), []byte("\xfe\xff"))
	if len(text) < 2 || len(text)%2 != 0 || (text[0] == 0) == (text[1] == 0) {
		return secret
	}
	var low []byte
	for i := 0; i < len(text); i += 2 {
		if (text[i] == 0) != (text[0] == 0) || (text[i+1] == 0) != (text[1] == 0) {
			return secret
		}
		low = append(low, text[i]|text[i+1])
	}
	return low
}

// otherText looks for the forms that are text.
func otherText(text []byte) string {
	switch {
	case Armour.Match(text):
		return "a key or certificate in PEM"
	case openSSH.Match(text):
		return "a public key of OpenSSH"
	case putty.Match(text):
		return "a key of PuTTY"
	case len(text) > 0 && (text[0] == '{' || text[0] == '[') && jwkText.Match(text):
		return "a JWK or JWK Set"
	case xmlText.Match(text):
		return "a key in XML"
	case rsaText.Match(text):
		return "an RSA key as openssl prints it"
	case webText.Match(text):
		return "a URL"
	}
	return ""
}

// sshNames begin a public key in the wire format of SSH, behind its length (RFC
// 4253 section 6.6).
var sshNames = []string{"ssh-rsa", "ssh-dss", "ssh-ed25519", "ssh-ed448", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"}

// otherDER looks for the forms that are bytes: what crypto/x509 writes, whole
// or with something behind it.
func otherDER(raw []byte) string {
	for _, name := range sshNames {
		if len(raw) > 4 && raw[0] == 0 && raw[1] == 0 && bytes.HasPrefix(raw[4:], []byte(name)) {
			return "a public key of OpenSSH"
		}
	}
	if bytes.HasPrefix(raw, []byte("openssh-key-v1\x00")) {
		return "a private key of OpenSSH"
	}
	if isPoint(raw) {
		return "a public key of ECDSA"
	}
	var whole asn1.RawValue
	if _, err := asn1.Unmarshal(raw, &whole); err != nil || whole.Tag != asn1.TagSequence || !whole.IsCompound {
		return ""
	}
	der := whole.FullBytes
	if _, err := x509.ParsePKIXPublicKey(der); err == nil {
		return "a public key in DER"
	}
	if _, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return "a public key in DER"
	}
	if _, err := x509.ParseCertificate(der); err == nil {
		return "a certificate in DER"
	}
	if _, err := x509.ParseCertificateRequest(der); err == nil {
		return "a certificate request in DER"
	}
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return "a private key in DER"
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return "a private key in DER"
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return "a private key in DER"
	}
	if algorithmAndKey(whole.Bytes) {
		return "a public key in DER"
	}
	if isContainer(whole.Bytes) {
		return "a key in DER"
	}
	return ""
}

// isContainer reports whether a sequence begins as those do that hold keys
// which crypto/x509 does not read: with a small version number (DSA, PKCS #12),
// an algorithm (an encrypted PKCS #8), or a type of content (PKCS #7).
func isContainer(inside []byte) bool {
	switch {
	case len(inside) > 2 && inside[0] == asn1.TagInteger && inside[1] == 1 && inside[2] <= 3:
	case len(inside) > 2 && inside[0] == asn1.TagSequence|0x20 && inside[2] == asn1.TagOID:
	case len(inside) > 0 && inside[0] == asn1.TagOID:
	default:
		return false
	}
	elements := 0
	for len(inside) > 0 {
		var element asn1.RawValue
		rest, err := asn1.Unmarshal(inside, &element)
		if err != nil {
			return false
		}
		inside = rest
		elements++
	}
	return elements > 1
}

// isPoint reports whether the bytes are a point of a curve, uncompressed (SEC 1
// section 2.3.3).
func isPoint(raw []byte) bool {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if _, err := ecdsa.ParseUncompressedPublicKey(curve, raw); err == nil {
			return true
		}
	}
	return false
}

// algorithmAndKey reports whether a sequence is that of a public key of any
// algorithm, also one that crypto/x509 does not know (RFC 5280 section 4.1).
func algorithmAndKey(inside []byte) bool {
	var key struct {
		Algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Key asn1.BitString
	}
	var whole asn1.RawValue
	whole.Class, whole.Tag, whole.IsCompound, whole.Bytes = asn1.ClassUniversal, asn1.TagSequence, true, inside
	der, err := asn1.Marshal(whole)
	if err != nil {
		return false
	}
	_, err = asn1.Unmarshal(der, &key)
	return err == nil
}

// decoded returns what a text stands for in base64, of either alphabet, with or
// without padding and line breaks, also as the two characters \n, and in hex.
func decoded(text []byte) [][]byte {
	for _, gap := range []string{`\r`, `\n`, "\r", "\n", " ", "\t", ":"} {
		text = bytes.ReplaceAll(text, []byte(gap), nil)
	}
	var all [][]byte
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if raw, err := encoding.DecodeString(string(bytes.TrimRight(text, "="))); err == nil {
			all = append(all, raw)
		}
	}
	if raw, err := hex.DecodeString(string(text)); err == nil {
		all = append(all, raw)
	}
	return all
}
