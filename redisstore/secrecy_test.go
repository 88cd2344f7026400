package redisstore_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/secrettest"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// TestPrintedWithoutSecrets prints everything that holds a Secret, as somebody
// does who looks for a mistake in a configuration.
func TestPrintedWithoutSecrets(t *testing.T) {
	secret := []byte("hunter2-hunter2-hunter2-hunter2-")
	config := redisstore.Config{Client: clientFunc(func(context.Context, string, ...[]string) ([]any, error) { return nil, nil }), Secrets: [][]byte{secret}, Prefix: "shop"}
	limits := redisstore.LimitsConfig{Client: clientFunc(func(context.Context, string, ...[]string) ([]any, error) { return nil, nil }), Secret: secret, Prefix: "shop"}
	made, err := redisstore.NewLimits(limits)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{config, &config, limits, &limits, struct{ C redisstore.Config }{config}, struct{ L redisstore.LimitsConfig }{limits}} {
		text := secrettest.Printed(t, value)
		if !strings.Contains(text, "shop") {
			t.Errorf("%T is printed without its Prefix:\n%s", value, text)
		}
		hidden(t, text)
	}
	hidden(t, secrettest.Logged(made))
}

func hidden(t *testing.T, text string) {
	t.Helper()
	for _, form := range []string{"hunter2", hex.EncodeToString([]byte("hunter2")), "104 117 110 116", "0x68, 0x75", "aHVudGVyM"} {
		if strings.Contains(text, form) {
			t.Errorf("a Secret is printed as %s:\n%s", form, text)
		}
	}
}

// A nil *Limits in Config.Store is not a nil Store. It refuses.
func TestLimitsWithoutNewLimits(t *testing.T) {
	for name, store := range map[string]*redisstore.Limits{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			limit := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "login", Rate: "1/minute", Store: store}))
			_, _, err := limit.Take(t.Context(), "alice")
			var problem *bulwark.Problem
			if !errors.As(err, &problem) || problem.Status != 503 || !strings.Contains(err.Error(), "check the error of NewLimits") {
				t.Errorf("Take: %v, want a 503 that names NewLimits", err)
			}
			if err := limit.Reset(t.Context(), "alice"); err == nil || !strings.Contains(err.Error(), "NewLimits") {
				t.Errorf("Reset: %v, want an error that names NewLimits", err)
			}
			if err := store.Refund(t.Context(), nil); err == nil {
				t.Error("Refund: no error")
			}
		})
	}
}
