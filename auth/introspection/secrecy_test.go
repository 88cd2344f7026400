package introspection_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/internal/secrettest"
)

func TestSecretsAreNotPrinted(t *testing.T) {
	c := config(&server{answer: says(good)})
	i := mustNew(t, c)
	if _, err := i.Verify(t.Context(), "opaque-token"); err != nil {
		t.Fatal(err)
	}
	c.Client.Transport = nil // encoders see what is in it
	for _, value := range []any{c, &c, struct{ Introspection introspection.Config }{c}, c.Client, &c.Client, struct{ Client introspection.Client }{c.Client}, i, *i, struct{ I *introspection.Introspector }{i}} {
		text := secrettest.Printed(t, value)
		for _, secret := range []string{"hunter2", "aHVudGVy", "68756e74657232", "0x68, 0x75", "ZG9jdW1lbnRzOmh1bnRlcjI", "opaque-token"} {
			if strings.Contains(text, secret) {
				t.Errorf("%T prints the secret: %s", value, text)
			}
		}
	}
	if text := fmt.Sprint(c.Client); !strings.Contains(text, "documents") {
		t.Errorf("%q does not tell the client", text)
	}
	for _, value := range []any{c, i} {
		if text := fmt.Sprint(value); !strings.Contains(text, issuerURL) {
			t.Errorf("%q does not tell the issuer", text)
		}
	}
}
