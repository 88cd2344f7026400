package jwt_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// wire is a public key as SSH sends it (RFC 4253 section 6.6).
func wire(name string, parts ...[]byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	out = append(out, name...)
	for _, part := range parts {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(part))), part...)
	}
	return out
}

// writtenKeys are keys in the forms in which they are written, by name.
func writtenKeys(t *testing.T) map[string][]byte {
	must := func(der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	forms := map[string][]byte{}
	add := func(name, block string, der []byte) {
		forms[name+"-der"] = der
		forms[name+"-pem"] = pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der})
		forms[name+"-base64"] = []byte(base64.StdEncoding.EncodeToString(der))
		forms[name+"-base64url"] = []byte(base64.RawURLEncoding.EncodeToString(der))
		forms[name+"-hex"] = []byte(hex.EncodeToString(der))
	}
	for name, key := range signers(t) {
		add(name+"-public", "PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key.Public())))
		add(name+"-pkcs8", "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		add(name+"-certificate", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)))
		add(name+"-request", "CERTIFICATE REQUEST", must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)))
		signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuerURL})
		if err != nil {
			t.Fatal(err)
		}
		set := jwksOf(signer)
		forms[name+"-jwks"] = []byte(set)
		forms[name+"-jwks-base64"] = []byte(base64.StdEncoding.EncodeToString([]byte(set)))
		var one struct{ Keys []json.RawMessage }
		if err := json.Unmarshal([]byte(set), &one); err != nil {
			t.Fatal(err)
		}
		forms[name+"-jwk"] = one.Keys[0]
		forms[name+"-jwk-list"] = []byte("[" + string(one.Keys[0]) + "]")
	}
	rsaKey := signers(t)["RS256"].(*rsa.PrivateKey)
	add("pkcs1-public", "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey))
	add("pkcs1-private", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key := newEC(t, curve)
		add("sec1-"+curve.Params().Name, "EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key)))
		add("spki-"+curve.Params().Name, "PUBLIC KEY", must(x509.MarshalPKIXPublicKey(&key.PublicKey)))
		if curve != elliptic.P224() {
			point := must(key.PublicKey.Bytes())
			forms["point-"+curve.Params().Name] = point
			forms["point-hex-"+curve.Params().Name] = []byte(hex.EncodeToString(point))
		}
	}
	agreement, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	add("x25519", "PUBLIC KEY", must(x509.MarshalPKIXPublicKey(agreement.PublicKey())))
	ecKey := newEC(t, elliptic.P256())
	point := must(ecKey.PublicKey.Bytes())
	edKey := signers(t)["EdDSA"].Public().(ed25519.PublicKey)
	for name, blob := range map[string][]byte{
		"ssh-rsa":             wire("ssh-rsa", []byte{1, 0, 1}, append([]byte{0}, rsaKey.N.Bytes()...)),
		"ssh-ed25519":         wire("ssh-ed25519", edKey),
		"ecdsa-sha2-nistp256": wire("ecdsa-sha2-nistp256", []byte("nistp256"), point),
	} {
		line := name + " " + base64.StdEncoding.EncodeToString(blob)
		forms[name] = []byte(line)
		forms[name+"-with-comment"] = []byte(line + " alice@example.com")
		forms[name+"-with-options"] = []byte(`no-pty,command="/bin/true" ` + line)
		forms[name+"-wire"] = blob
		forms[name+"-wire-base64"] = []byte(base64.StdEncoding.EncodeToString(blob))
		forms[name+"-ssh2"] = []byte("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"x\"\n" + base64.StdEncoding.EncodeToString(blob) + "\n---- END SSH2 PUBLIC KEY ----\n")
	}
	forms["openssh-private"] = []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n")
	forms["pgp"] = []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----\n")
	modulus := base64.StdEncoding.EncodeToString(rsaKey.N.Bytes())
	forms["xml-namespace"] = []byte(`<RSAKeyValue xmlns="http://www.w3.org/2000/09/xmldsig#"><Modulus>` + modulus + "</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>")
	forms["xml-prefix"] = []byte(`<ds:RSAKeyValue xmlns:ds="x"><ds:Modulus>` + modulus + "</ds:Modulus></ds:RSAKeyValue>")
	forms["xml-ec"] = []byte(`<dsig11:ECKeyValue><dsig11:PublicKey>` + modulus + "</dsig11:PublicKey></dsig11:ECKeyValue>")
	forms["xml-x509"] = []byte(`<X509Data xmlns="x"><X509Certificate>MIIB</X509Certificate></X509Data>`)
	forms["jwk-in-json"] = []byte(strings.ReplaceAll(string(forms["RS256-jwk"]), `"`, `\"`))
	forms["jwk-in-json-twice"] = []byte(strings.ReplaceAll(string(forms["RS256-jwk"]), `"`, `\\\"`))
	forms["data-url"] = append([]byte("data:application/x-x509-ca-cert;base64,"), forms["RS256-certificate-base64"]...)
	forms["base64-marked"] = append([]byte("base64:"), forms["ES256-public-base64"]...)
	forms["hex-marked"] = append([]byte("0x"), forms["EdDSA-public-hex"]...)
	openSSH := append([]byte("openssh-key-v1\x00"), wire("none", []byte("none"), nil)...)
	forms["openssh-private-base64"] = []byte(base64.StdEncoding.EncodeToString(openSSH))
	forms["openssh-private-wire"] = openSSH
	sequence := func(parts ...any) []byte {
		var inside []byte
		for _, part := range parts {
			inside = append(inside, must(asn1.Marshal(part))...)
		}
		return must(asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: inside}))
	}
	algorithm := struct{ ID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}}
	content := struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"explicit,tag:0"`
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}, make([]byte, 99)}
	add("encrypted-pkcs8", "ENCRYPTED PRIVATE KEY", sequence(algorithm, make([]byte, 99)))
	add("pkcs7", "PKCS7", must(asn1.Marshal(content)))
	add("pkcs12", "PKCS12", sequence(3, content))
	add("dsa-private", "DSA PRIVATE KEY", sequence(0, rsaKey.N, rsaKey.Primes[0], rsaKey.Primes[1], rsaKey.D, rsaKey.D))
	forms["xml"] = []byte("<RSAKeyValue><Modulus>" + base64.StdEncoding.EncodeToString(rsaKey.N.Bytes()) + "</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>")
	return forms
}

// What is a key of another kind by its form is not taken for a secret: the
// public one is known to everybody.
func TestCaseAuth16KeysAreNotSecrets(t *testing.T) {
	mangled := map[string]func([]byte) []byte{
		"as-it-is":     func(b []byte) []byte { return b },
		"white-space":  func(b []byte) []byte { return []byte(" \r\n\t" + string(b) + "\n\n") },
		"one-line":     func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte(`\n`)) },
		"crlf":         func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) },
		"spaces":       func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte(" ")) },
		"quoted":       func(b []byte) []byte { return []byte(`"` + string(b) + `"`) },
		"base64-again": func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b)) },
	}
	for form, key := range writtenKeys(t) {
		for name, mangle := range mangled {
			binary := strings.HasSuffix(form, "-der") || strings.HasSuffix(form, "-wire") || strings.HasPrefix(form, "point-P")
			if binary && name != "as-it-is" && name != "base64-again" {
				continue
			}
			t.Run(form+"/"+name, func(t *testing.T) {
				secret := mangle(key)
				verifier, err := jwt.New(configFor(jwt.SecretKeys(bytes.Repeat([]byte("x"), 64), secret)))
				if verifier != nil || !slices.Equal(fieldsOf(err), []string{"jwt.Keys[1]"}) {
					t.Fatalf("errors for %q: %v", fieldsOf(err), err)
				}
				if text := err.Error(); strings.Contains(text, string(secret)) || !strings.Contains(text, "not a secret") && !strings.Contains(text, "shorter") {
					t.Errorf("the error is %v", err)
				}
			})
		}
	}
	t.Run("other-texts", func(t *testing.T) {
		text := string(writtenKeys(t)["ES256-public-pem"])
		block, _ := pem.Decode([]byte(text))
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		wide := func(text string) (all []byte) {
			for _, unit := range utf16.Encode([]rune(text)) {
				all = append(all, byte(unit), byte(unit>>8))
			}
			return all
		}
		swapped := wide(text)
		for i := 0; i+1 < len(swapped); i += 2 {
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		}
		for name, secret := range map[string][]byte{
			"utf-16":            append([]byte("\xff\xfe"), wide(text)...),
			"utf-16-bare":       wide(text),
			"utf-16-big-endian": append([]byte("\xfe\xff"), swapped...),
			"modulus":           fmt.Appendf(nil, "Modulus=%X\n", key.N),
			"openssl-text":      []byte("Public-Key: (2048 bit)\nModulus:\n    00:c1:b2\nExponent: 65537 (0x10001)\n"),
			"assignment":        append([]byte("JWT_PUBLIC_KEY="), base64.StdEncoding.EncodeToString(block.Bytes)...),
			"jwk-without-kty":   []byte(`{"n":"` + base64.RawURLEncoding.EncodeToString(key.N.Bytes()) + `","e":"AQAB"}`),
			"x5c":               []byte(`{"x5c":["MIIB"],"kid":"abcdefghijklmnop"}`),
			"url-of-keys":       []byte("https://issuer.example/.well-known/jwks.json"),
		} {
			if _, err := jwt.New(configFor(jwt.SecretKeys(secret))); err == nil || !strings.Contains(err.Error(), "not a secret") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("url-encoded", func(t *testing.T) {
		for _, form := range []string{"RS256-public-pem", "ES256-certificate-pem"} {
			for _, text := range []string{url.QueryEscape(string(writtenKeys(t)[form])), url.PathEscape(string(writtenKeys(t)[form]))} {
				if _, err := jwt.New(configFor(jwt.SecretKeys([]byte(text)))); err == nil {
					t.Errorf("%s is a secret", form)
				}
			}
		}
	})
}

// Random bytes, in whichever spelling, are a secret.
func TestCaseAuth16SecretsStaySecrets(t *testing.T) {
	for range 500 {
		raw := make([]byte, 64)
		rand.Read(raw)
		for _, secret := range [][]byte{
			raw, raw[:32], []byte(hex.EncodeToString(raw)), []byte(base64.StdEncoding.EncodeToString(raw)), []byte(base64.RawURLEncoding.EncodeToString(raw)),
			append([]byte{0x30, 62}, raw[:62]...), append([]byte{4}, raw...), []byte(rand.Text() + rand.Text()),
		} {
			if _, err := jwt.New(configFor(jwt.SecretKeys(secret))); err != nil {
				t.Fatalf("%q: %v", secret, err)
			}
		}
	}
}

// A PEM from an environment file has the two characters \n in place of a line
// break. The error says so.
func TestNitAuthPEMWithoutLineBreaks(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(&newEC(t, elliptic.P256()).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	other := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der[:len(der):len(der)]}))
	for name, text := range map[string]string{
		"backslash-n": strings.ReplaceAll(whole, "\n", `\n`),
		"spaces":      strings.ReplaceAll(whole, "\n", " "),
		"nothing":     strings.ReplaceAll(whole, "\n", ""),
		"cut-short":   whole[:60],
		"second":      other + strings.ReplaceAll(whole, "\n", `\n`),
		"first":       strings.ReplaceAll(whole, "\n", `\n`) + "\n" + other,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := jwt.New(configFor(jwt.StaticKeys(text))); err == nil || !strings.Contains(err.Error(), "PEM") || !strings.Contains(err.Error(), "line breaks") {
				t.Errorf("%v", err)
			}
		})
	}
	for name, text := range map[string]string{"whole": whole, "two": whole + other, "text-around": "issuer: x\n" + whole + "end\n"} {
		t.Run(name, func(t *testing.T) {
			if _, err := jwt.New(configFor(jwt.StaticKeys(text))); err != nil {
				t.Error(err)
			}
		})
	}
}
