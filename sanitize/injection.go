package sanitize

import libinjection "github.com/corazawaf/libinjection-go"

// isScript reports whether a browser could run a part of a string as a script.
// It is a variable, so that a test can make it panic.
var isScript = libinjection.IsXSS

// sqlFingerprint returns the fingerprint that libinjection has for a string: at
// most 8 letters, each the kind of a token. It is empty if the string does not
// look like an injection into SQL. It never holds text of the string.
func sqlFingerprint(s string) string {
	if found, fingerprint := libinjection.IsSQLi(s); found {
		return fingerprint
	}
	return ""
}
