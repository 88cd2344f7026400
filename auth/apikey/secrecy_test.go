package apikey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

func TestPeppersAreNotPrinted(t *testing.T) {
	secret := apikey.Pepper{Version: 7, Key: []byte("hunter2hunter2hunter2hunter2hunt")}
	for name, value := range map[string]any{
		"value": secret, "pointer": &secret, "list": []apikey.Pepper{secret}, "field": struct{ P apikey.Pepper }{secret},
		"config": apikey.Config{Peppers: []apikey.Pepper{secret}},
	} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			fmt.Fprintf(&text, "%v %+v %#v %s %q %x %d", value, value, value, value, value, value, value)
			slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "value", value)
			slog.New(slog.NewTextHandler(&text, nil)).Info("x", "value", value)
			encoded, err := json.Marshal(value)
			if config := new(json.UnsupportedTypeError); err != nil && !(name == "config" && errors.As(err, &config)) {
				t.Fatal(err) // a Config has functions
			}
			text.Write(encoded)
			for _, spelling := range []string{"hunter2", "aHVudGVy", "104 117 110", "68756e74", "0x68, 0x75"} {
				if strings.Contains(text.String(), spelling) {
					t.Errorf("the key is shown: %s", &text)
				}
			}
			if !strings.Contains(text.String(), "pepper 7") {
				t.Errorf("the version is not shown: %s", &text)
			}
		})
	}
}
