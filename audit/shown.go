package audit

import (
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// checkShown checks one list of names that the access record shows.
func checkShown(c Config, field string, names []string, faults *fault.List) {
	if len(names) > 0 && !c.AccessLog {
		faults.Add(field, "", "is shown in the access record only; set AccessLog to true")
	}
	if len(names) > maxShown {
		faults.Add(field, strconv.Itoa(len(names)), "has more than 16 names; remove some")
	}
	for i, name := range names {
		if reason := showFault(name); reason != "" {
			faults.AddAt(field, i, name, reason)
		}
	}
}

// showFault says why the value of a query parameter or header of this name must
// not be in a log.
func showFault(name string) string {
	if name == "" || len(name) > 64 {
		return "must be a name of 1 to 64 bytes"
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return "is not a name; write printable ASCII without quotes and backslashes"
		}
	}
	lower := strings.ToLower(name)
	switch lower {
	case "code", "device_code", "user_code", "state", "key", "sig", "sid", "dpop", "jwt", "pin", "otp", "ticket", "mac", "hmac", "bearer",
		"sec-websocket-protocol": // in which a page sends its token, see auth.TokenFrom
		return "carries credentials, which are never logged; remove it"
	}
	for _, word := range [...]string{"auth", "cookie", "token", "secret", "passw", "passphrase", "pwd", "api-key", "api_key", "apikey",
		"access-key", "access_key", "accesskey", "private-key", "private_key", "privatekey", "subscription-key", "functions-key", "x-bearer",
		"saml", "session", "signature", "credential", "assertion", "verifier"} {
		if strings.Contains(lower, word) {
			return "sounds like a credential, which is never logged; remove it"
		}
	}
	return ""
}
