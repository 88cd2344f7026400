package detect

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
)

// Account returns the attribute that names the account of a login. Give it to
// the event of a failed login and to the event of a successful login:
//
//	account := detector.Account(form.Email)
//	bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "login.failed",
//		Log: bulwark.ProblemLog{
//			Event: bulwark.AuthnLoginFail,
//			Attrs: []slog.Attr{account},
//		}})
//
// The key of the attribute is "account". Its value is a pseudonym: an
// HMAC-SHA-256 of the name with [Config.AccountKey], in 32 hexadecimal digits.
// So the log does not hold what somebody has typed, which may be a password in
// the wrong field.
//
// Names that differ only in upper and lower case, or in white space around
// them, are one account. If the login takes two other spellings for one
// account, give Account the name as the login compares it. The attribute of an
// empty name is empty, and is left out of the event.
func (d *Detector) Account(name string) slog.Attr {
	name = strings.ToLower(strings.TrimSpace(name))
	if !d.made() || name == "" {
		return slog.Attr{}
	}
	return slog.String(accountAttr, d.pseudonym(name))
}

// pseudonyms returns the function that makes pseudonyms with a key, or with a
// random key. A closure holds the key, so that no formatter prints it.
func pseudonyms(key []byte) func(name string) string {
	if len(key) == 0 {
		key = make([]byte, minKeyBytes)
		rand.Read(key) // never fails
	}
	return func(name string) string {
		sum := hmac.New(sha256.New, key)
		sum.Write([]byte(name))
		return hex.EncodeToString(sum.Sum(nil)[:16])
	}
}
