package sqlstore_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/secrettest"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// TestPrintedWithoutSecrets prints everything that holds a Secret, as somebody
// does who looks for a mistake in a configuration.
func TestPrintedWithoutSecrets(t *testing.T) {
	config := sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{[]byte("hunter2-hunter2-hunter2-hunter2-")}, Prefix: "shop_", Timeout: 9 * time.Second}
	store, _ := open(t, config)
	for _, value := range []any{config, &config, store} {
		text := secrettest.Printed(t, value)
		if !strings.Contains(text, "shop_") {
			t.Errorf("%T is printed without its Prefix:\n%s", value, text)
		}
		for _, form := range []string{"hunter2", hex.EncodeToString([]byte("hunter2")), "104 117 110 116", "0x68, 0x75", "aHVudGVyM"} {
			if strings.Contains(text, form) {
				t.Errorf("%T: a Secret is printed as %s:\n%s", value, form, text)
			}
		}
	}
	if text := secrettest.Logged((*sqlstore.Store)(nil)); !strings.Contains(text, "no sqlstore.Store") {
		t.Errorf("a nil Store is printed as %s", text)
	}
}
