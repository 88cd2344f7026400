package apikey_test

import (
	"errors"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// A key in such a field would be logged, or refused with each request.
func TestHeaderHasNoOtherMeaning(t *testing.T) {
	for name, good := range map[string]bool{
		"X-Api-Key": true, "x-acme-key": true, "Api-Key": true, "user-agent": false, "Accept": false, "Forwarded": false, "X-Forwarded-For": false,
		"DPoP": false, "origin": false, "Content-Type": false, "Sec-Fetch-Site": false, "Traceparent": false, "Cookie": false, "Proxy-Authorization": false, "a b": false,
	} {
		c := config(&apikey.MemoryStore{})
		c.Header = name
		_, err := apikey.New(c)
		var wrong *bulwark.ConfigError
		if good != (err == nil) || err != nil && (!errors.As(err, &wrong) || wrong.Field != "apikey.Header") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
