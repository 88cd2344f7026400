package introspection_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/introspection"
)

// printed is a value in all ways in which it comes into a log.
func printed(t *testing.T, value any) string {
	t.Helper()
	var text bytes.Buffer
	fmt.Fprintf(&text, "%v %+v %#v %s %q %x", value, value, value, value, value, value)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "value", value)
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "value", value)
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	text.Write(encoded)
	return text.String()
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := config(&server{answer: says(good)})
	i := mustNew(t, c)
	if _, err := i.Verify(t.Context(), "opaque-token"); err != nil {
		t.Fatal(err)
	}
	c.Transport = nil // encoders see what is in it
	for _, value := range []any{c, &c, struct{ Introspection introspection.Config }{c}, c.Client, &c.Client, struct{ Client introspection.Client }{c.Client}, i, *i, struct{ I *introspection.Introspector }{i}} {
		text := printed(t, value)
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
