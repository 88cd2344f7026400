package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// An error of Legacy may repeat the key in another form, such as in the URL of
// a service that did not answer.
func TestNoErrorOfLegacyShowsTheKey(t *testing.T) {
	const key = `sk_a+b/c="d\\e`
	for name, form := range map[string]string{
		"plain": key, "quoted": fmt.Sprintf("%q", key), "query": "http://keys/?k=" + url.QueryEscape(key), "path": "http://keys/" + url.PathEscape(key),
	} {
		t.Run(name, func(t *testing.T) {
			c := config(&apikey.MemoryStore{})
			c.Legacy = func(context.Context, string) (apikey.Grant, error) {
				return apikey.Grant{}, errors.New("no answer from " + form)
			}
			a := send(t, newKeys(t, c), "X-Api-Key", key)
			a.unavailable(t, key, "apikey.Config.Legacy", "repeats the key")
			if shown := fmt.Sprintf("%v %v %s", a.events, a.Header(), a.Body); strings.Contains(shown, form) {
				t.Errorf("the key is shown: %s", shown)
			}
		})
	}
}
