package sqlstore_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/sqlstore"
)

// Whoever prints or logs a Config, a Store or one of its parts, prints no
// Secret.
func TestSecretsAreNotShown(t *testing.T) {
	c := config()
	c.Secrets, c.Prefix = [][]byte{[]byte(strings.Repeat("hunter2", 5))}, "shown_"
	s, _ := open(t, c)
	all := []any{c, &c, s, s.Sessions(), s.Keys(), s.Revocations(), s.Replays(), s.Quotas(), &sqlstore.Store{}, (*sqlstore.Store)(nil)}
	for i, value := range all {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range []string{"hunter2", "68756e74", "104 117", "0x68, 0x75"} {
				if strings.Contains(text, secret) || i < 3 && !strings.Contains(text, "shown_") {
					t.Errorf("%s of %T: %.200s", verb, value, text)
				}
			}
		}
		text, err := json.Marshal(value)
		if err != nil || strings.Contains(string(text), "aHVudGVy") {
			t.Errorf("JSON of %T: %.200s, %v", value, text, err)
		}
	}
}
