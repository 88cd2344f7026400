package field_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/auth/internal/field"
)

func TestReserved(t *testing.T) {
	for _, name := range []string{
		"Authorization", "cookie", "Set-Cookie", "host", "ORIGIN", "User-Agent", "DPoP", "Client-Cert", "client-cert-chain", "x-forwarded-for", "X-Real-IP",
		"CF-Connecting-IP", "True-Client-IP", "Sec-Fetch-Site", "Content-Type", "Accept-Language", "If-Match", "Proxy-Authorization", "TE", "X-Request-Id",
	} {
		if !field.Reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"X-Api-Key", "X-Forwarded-Access-Token", "Cf-Access-Jwt-Assertion", "Api-Key", "X-Amzn-Oidc-Data", ""} {
		if field.Reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}
